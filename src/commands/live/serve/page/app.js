"use strict";

const $ = (id) => document.getElementById(id);
const PERIOD = 500;

// --- Picture: one at a time; the server sends the next one after this one is drawn. ----------------------------------

let pause = 500;

function watch() {
  const socket = new WebSocket(new URL("live", location.href.replace(/^http/, "ws")));
  socket.binaryType = "blob";
  socket.onmessage = async (message) => {
    pause = 500;
    try {
      const bitmap = await createImageBitmap(message.data);
      const canvas = $("picture");
      if (canvas.width !== bitmap.width || canvas.height !== bitmap.height) {
        [canvas.width, canvas.height] = [bitmap.width, bitmap.height];
      }
      canvas.getContext("2d").drawImage(bitmap, 0, 0);
      bitmap.close();
    } finally {
      if (socket.readyState === WebSocket.OPEN) socket.send("ok");
    }
  };
  socket.onclose = () => {
    setTimeout(watch, pause);
    pause = Math.min(2 * pause, 8000);
  };
}

// --- Settings --------------------------------------------------------------------------------------------------------

let fused = "adaptive";
let recordingSince = null;

async function post(path, body) {
  const answer = await fetch(path, {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
  });
  const said = await answer.json();
  if (!answer.ok) say(said.error);
  await refresh();
}

const change = (settings) => post("api/settings", settings);

function say(text) {
  $("notice").textContent = text;
}

function fill(select, names) {
  if (select.options.length === names.length) return;
  select.replaceChildren(...names.map((name) => new Option(name, name)));
}

// Do not change a control while the user is using it.
function set(control, property, value) {
  if (document.activeElement !== control || control.type === "checkbox") control[property] = value;
}

function press(button, on) {
  button.setAttribute("aria-pressed", on);
}

// --- State -----------------------------------------------------------------------------------------------------------

let lastNotice = null;

async function refresh() {
  let answer;
  try {
    answer = await (await fetch("api/state")).json();
  } catch {
    trouble("salstream does not answer: it has stopped, or the network is down");
    return;
  }
  const { state, settings, choices, time } = answer;
  trouble(state.trouble);
  if (state.notice !== lastNotice) say((lastNotice = state.notice) ?? "");
  showFigures(state);
  showSettings(settings, choices);
  showTop(state.top, settings.target);
  showRecording(state.recording);
  drawEnergy(state.energy, time);
}

function trouble(text) {
  const banner = $("trouble");
  banner.hidden = !text;
  if (text && banner.textContent !== text) banner.textContent = text;
}

function showFigures(state) {
  const fps = (value) => `${value.toFixed(1)} fps`;
  $("source").textContent = state.source;
  $("classifier").textContent = state.classifier;
  $("output-fps").textContent = fps(state.output_fps);
  $("static-fps").textContent = fps(state.static_fps);
  $("capture-fps").textContent = fps(state.capture_fps);
  $("latency").textContent = `${state.latency_median_ms.toFixed(0)} ms (95 %: ${state.latency_p95_ms.toFixed(0)})`;
  $("dropped").textContent = state.dropped;
}

function showSettings(settings, choices) {
  const alone = ["static", "motion"];
  fill($("fusion"), choices.fusion.filter((name) => !alone.includes(name)));
  fill($("layout"), choices.layout);
  fill($("colormap"), choices.colormap);
  const map = alone.includes(settings.fusion) ? settings.fusion : "fused";
  if (map === "fused") fused = settings.fusion;
  document.querySelector(`input[name=map][value=${map}]`).checked = true;
  set($("fusion"), "value", fused);
  set($("layout"), "value", settings.layout);
  set($("colormap"), "value", settings.colormap);
  set($("alpha"), "value", settings.alpha);
  set($("label"), "checked", settings.label);
  press($("pause"), settings.paused);
  $("pause").textContent = settings.paused ? "Resume" : "Pause";
}

function showTop(top, target) {
  $("top").replaceChildren(...top.map(({ label, probability }) => {
    const [item, bar, name, share] = ["li", "i", "b", "span"].map((tag) => document.createElement(tag));
    bar.style.width = `${100 * (probability ?? 0)}%`;
    name.textContent = label;
    share.textContent = probability === null ? "" : `${(100 * probability).toFixed(0)} %`;
    item.append(bar, name, share);
    return item;
  }));
  press($("lock"), target === "locked");
  const said = { top1: "Explaining the current best class.", locked: "Explaining the class that was best when locked." };
  $("target").textContent = said[target] ?? `Explaining “${target}”.`;
}

function showRecording(file) {
  press($("record"), Boolean(file));
  recordingSince = file ? recordingSince ?? Date.now() : null;
  const seconds = file ? Math.floor((Date.now() - recordingSince) / 1000) : 0;
  const clock = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  $("record-text").textContent = file ? `Stop (${clock})` : "Record";
}

function drawEnergy(energy, now) {
  const canvas = $("energy");
  const ratio = window.devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth * ratio, canvas.clientHeight * ratio];
  [canvas.width, canvas.height] = [width, height];
  const context = canvas.getContext("2d");
  const style = getComputedStyle(document.documentElement);
  const most = Math.max(0.05, ...energy.map((moment) => Math.max(moment.static, moment.motion)));
  const x = (time) => width * (1 - (now - time) / 60);
  const y = (value) => height * (0.95 - 0.9 * value / most);
  for (const map of ["static", "motion"]) {
    context.strokeStyle = style.getPropertyValue(`--${map}`);
    context.lineWidth = 2 * ratio;
    context.lineJoin = "round";
    context.beginPath();
    energy.forEach((moment, index) => context[index ? "lineTo" : "moveTo"](x(moment.time), y(moment[map])));
    context.stroke();
  }
}

// --- Controls --------------------------------------------------------------------------------------------------------

function wire() {
  for (const choice of ["fusion", "layout", "colormap"]) {
    $(choice).onchange = () => change({ [choice]: $(choice).value });
  }
  for (const radio of document.getElementsByName("map")) {
    radio.onchange = () => change({ fusion: radio.value === "fused" ? fused : radio.value });
  }
  $("alpha").oninput = () => change({ alpha: Number($("alpha").value) });
  $("label").onchange = () => change({ label: $("label").checked });
  $("pause").onclick = () => change({ paused: $("pause").getAttribute("aria-pressed") !== "true" });
  $("snapshot").onclick = () => post("api/snapshot", {});
  $("record").onclick = () => post("api/record", { on: $("record").getAttribute("aria-pressed") !== "true" });
  $("lock").onclick = () => change({ target: "locked" });
  $("release").onclick = () => { $("class").value = ""; change({ target: "top1" }); };
  $("class").oninput = search;
  $("class").onchange = () => change({ target: $("class").value.trim() || "top1" });
}

async function search() {
  const found = await (await fetch(`api/classes?q=${encodeURIComponent($("class").value)}`)).json();
  $("classes").replaceChildren(...found.map(({ name }) => new Option(name, name)));
}

wire();
watch();
refresh();
setInterval(refresh, PERIOD);
