#!/usr/bin/env python3
"""How late `salstream live` is, seen from outside.

Serves an HTTP MJPEG stream at 30 pictures a second, each with its number drawn into it as black and white blocks,
lets salstream watch it, reads salstream's own MJPEG, and compares the clock when a number comes back with the clock
when it was sent: decoding, all maps, drawing, encoding and both connections are in the figure. Needs numpy and Pillow.

    cargo build --release
    python3 benches/live_latency.py CLIP.mp4 [--seconds 60] [OPTIONS OF SALSTREAM LIVE]
"""

import argparse
import io
import statistics
import subprocess
import sys
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy
from PIL import Image

WIDTH, HEIGHT, FPS = 640, 480, 30
PICTURES, BITS, BLOCK = 512, 9, 32  # numbers repeat after 17 s; each bit is a block in the lowest rows
WARMING = 10


def numbered(clip):
    """JPEGs of the clip, over and over, each with its number."""
    scale = f"scale={WIDTH}:{HEIGHT},fps={FPS}"
    command = ["ffmpeg", "-v", "error", "-stream_loop", "-1", "-i", clip, "-vf", scale, "-frames:v", str(PICTURES)]
    raw = subprocess.run([*command, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"], check=True, capture_output=True).stdout
    frames = numpy.frombuffer(raw, numpy.uint8).reshape(-1, HEIGHT, WIDTH, 3).copy()
    for number, frame in enumerate(frames):
        for bit in range(BITS):
            frame[-BLOCK:, bit * BLOCK : (bit + 1) * BLOCK] = 255 if number >> bit & 1 else 0
        jpeg = io.BytesIO()
        Image.fromarray(frame).save(jpeg, "JPEG", quality=85)
        yield jpeg.getvalue()


def number(jpeg):
    """The number drawn into a picture."""
    picture = numpy.asarray(Image.open(io.BytesIO(jpeg)).convert("L"))
    row = picture[-BLOCK // 2]
    return sum(int(row[bit * BLOCK + BLOCK // 2] > 127) << bit for bit in range(BITS))


def camera(pictures, sent):
    """A server of the stream; notes in `sent` when each picture went out."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=picture")
            self.end_headers()
            began = time.monotonic()
            for count in range(10**9):
                time.sleep(max(0, began + count / FPS - time.monotonic()))
                jpeg = pictures[count % PICTURES]
                sent[count % PICTURES] = time.monotonic()
                head = f"--picture\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                try:
                    self.wfile.write(head.encode() + jpeg + b"\r\n")
                except OSError:
                    return

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}/camera.mjpg"


def watch(url, until):
    """Time of arrival and bytes of each picture that salstream shows."""
    with urllib.request.urlopen(url) as stream:
        while time.monotonic() < until:
            length = 0
            while (line := stream.readline()) != b"\r\n" or not length:
                if not line:
                    return
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            jpeg = stream.read(length)
            yield time.monotonic(), jpeg


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--salstream", default="target/release/salstream")
    args, options = parser.parse_known_args()
    sent = {}
    stream = camera(list(numbered(args.clip)), sent)
    # The picture is the input, so that the blocks can be read; all maps are made all the same.
    command = [args.salstream, "live", stream, "--serve", "127.0.0.1:0", "--alpha", "0", "--no-label", *options]
    live = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    page = None
    while page is None:
        line = live.stderr.readline()
        sys.stderr.write(line)
        if not line:
            sys.exit("salstream has ended")
        page = line.partition("the page is at ")[2].strip() or None
    threading.Thread(target=live.stderr.read, daemon=True).start()
    late = []
    try:
        start = time.monotonic() + WARMING
        for at, jpeg in watch(page + "stream.mjpg", start + args.seconds):
            if at >= start:
                late.append(1e3 * (at - sent[number(jpeg)]))
    finally:
        live.terminate()
        live.wait()
    interval = 1e3 * args.seconds / len(late)
    median, p95 = statistics.median(late), statistics.quantiles(late, n=20)[-1]
    print(f"{len(late)} pictures in {args.seconds:.0f} s: {1e3 / interval:.1f} fps of {FPS}")
    print(f"latency: median {median:.0f} ms ({median / interval:.2f} intervals), 95 % {p95:.0f} ms ({p95 / interval:.2f})")


if __name__ == "__main__":
    main()
