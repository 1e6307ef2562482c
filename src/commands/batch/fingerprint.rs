//! The fingerprint of a finished clip's settings: a checksum of everything that affects its result.

use super::config::BatchConfig;
use onnx_grad::{Explain, Request};
use serde_json::{Value, json};

use crate::Result;
use crate::choice::Choice;
use crate::commands::run::config::RunConfig;
use crate::fuse::FuseOptions;
use crate::model::{ClassifierRequest, ModelRequest};
use crate::platform::checksum::{file_sha256, sha256};
use crate::saliency::{MethodChoice, ModelConfig};
use crate::sink::maps::MapSize;
use crate::source::{DecoderKind, Deinterlace, ToneMap};

/// Version of the form below and of what its settings mean. Raise it if the same settings give results so different
/// that finished clips should be processed again. The program's version is not part of the fingerprint.
const SCHEMA: u32 = 1;

/// The checksums of a batch's settings and of its model.
pub(super) struct SettingsFingerprint {
    /// SHA-256 of the settings, in hexadecimal.
    pub settings: String,
    /// SHA-256 of the model's file, in hexadecimal.
    pub model: String,
}

impl SettingsFingerprint {
    /// # Errors
    /// Those of finding the model, and [`Error::Io`](crate::Error::Io) if a file cannot be read.
    pub(super) fn of(config: &BatchConfig) -> Result<Self> {
        let classifier = &config.run.model.classifier.model;
        let model = file_sha256(&classifier.name.choose()?.path)?;
        let labels = classifier.metadata.labels.as_deref().map(file_sha256).transpose()?;
        let text = canonical(config, &model, labels).to_string();
        Ok(Self { settings: sha256(text.as_bytes()), model })
    }
}

/// The settings by name, sorted, without those that are not set. A new setting must be left out at its default, so that
/// the fingerprints of earlier versions stay valid.
fn canonical(config: &BatchConfig, model_sha256: &str, labels_sha256: Option<String>) -> Value {
    let BatchConfig { run, records, maps, split, .. } = config;
    let RunConfig { source, model, key_frames, fusion, style, crf, keep, .. } = run;
    let ModelConfig { classifier, targets, method, channels, fit, .. } = model;
    let ClassifierRequest { model: ModelRequest { metadata, request, .. }, execution, .. } = classifier;
    let Request { size, output, .. } = request;
    let FuseOptions { mode, lookahead, raw, smooth, .. } = *fusion;
    let MethodChoice { name, samples, spread, noise, baseline, layer, explain } = method;
    let targets: Vec<String> = targets.iter().map(ToString::to_string).collect();
    let mut settings = json!({
        "schema": SCHEMA,
        "model": model_sha256,
        "labels": labels_sha256,
        "preprocess": metadata.preprocess.map(Choice::name),
        "device": execution.device.map(|device| device.to_string()),
        "precision": execution.precision.map(|precision| precision.to_string()),
        "target": targets,
        "channels": channels.name(),
        "fit": fit.name(),
        "key-frames": key_frames.to_string(),
        "size": size,
        "scores": output.as_ref().map(ToString::to_string),
        "method": name.name(),
        "samples": if *spread { None } else { Some(samples) },
        "noise": noise,
        "baseline": baseline.name(),
        "layer": layer,
        "explain": (*explain != Explain::default()).then(|| explain.name()),
        "fusion": mode.name(),
        "lookahead": lookahead,
        "raw": raw,
        "smooth": smooth,
        "layout": style.layout.name(),
        "colormap": style.colormap.name(),
        "alpha": style.alpha,
        "label": style.label,
        "start": source.start,
        "duration": source.duration,
        "audio": keep.audio,
        "metadata": (!keep.metadata).then_some(false),
        "video-stream": source.video_stream,
        "decoder": (source.decoder != DecoderKind::Auto).then(|| source.decoder.name()),
        "deinterlace": (source.deinterlace != Deinterlace::Auto).then(|| source.deinterlace.name()),
        "tonemap": (source.tone_map != ToneMap::Auto).then(|| source.tone_map.name()),
        "crf": crf,
        "records": records.map(Choice::name),
        "map": maps.map(|maps| maps.kind.name()),
        "map-format": maps.map(|maps| maps.format.name()),
        "map-size": maps.map(|maps| maps.size).filter(|size| *size != MapSize::Source).map(Choice::name),
        "split": split,
    });
    if let Value::Object(settings) = &mut settings {
        settings.retain(|_, value| !value.is_null());
    }
    settings
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;
    use crate::cli::{Command, parse};

    fn settings(flags: &str) -> String {
        let line = format!("salstream batch in -o out {flags}");
        match parse(line.split_whitespace().map(OsString::from).collect()).unwrap().command {
            Command::Batch(args) => canonical(&(*args).try_into().unwrap(), "c0ffee", None).to_string(),
            _ => unreachable!(),
        }
    }

    /// The checksums of all finished clips depend on this text: it must not change with the names or the order of this
    /// program's fields, nor with its version.
    #[test]
    fn the_form_stays_what_it_is() {
        let usual = concat!(
            r#"{"alpha":0.699999988079071,"audio":true,"baseline":"black","channels":"max","colormap":"turbo","crf":20,"#,
            r#""fit":"stretch","fusion":"adaptive","key-frames":"1","label":true,"layout":"overlay","lookahead":2,"#,
            r#""method":"smoothgrad","model":"c0ffee","noise":0.15000000596046448,"raw":false,"schema":1,"#,
            r#""smooth":0.8999999761581421,"target":["top1"]}"#
        );
        assert_eq!(settings(""), usual);
        let given = "--target 7 --target tench --layout grid --static-every auto --size 320x240 --scores logits[:,-1,*] \
                     --method grad-cam++ --layer x --start 1:02 --records csv --maps --map static --map-format npy --split 60";
        let added = concat!(
            r#""key-frames":"auto at 25 fps","label":true,"layer":"x","layout":"grid","lookahead":2,"map":"static","#,
            r#""map-format":"npy","method":"grad-cam++","model":"c0ffee","noise":0.15000000596046448,"raw":false,"#,
            r#""records":"csv","samples":16,"schema":1,"scores":"logits[:,-1,*]","size":[240,320],"#,
            r#""smooth":0.8999999761581421,"split":60.0,"start":62.0,"target":["7","tench"]}"#
        );
        assert!(settings(given).ends_with(added), "{}", settings(given));
    }

    #[test]
    fn how_a_batch_is_run_does_not_count() {
        for flags in ["--jobs 3 --threads 2", "--retry 1 --fail-fast", "--remeasure --fallback", "--hash --quiet"] {
            assert_eq!(settings(flags), settings(""), "{flags}");
        }
        for flags in [
            "--crf 21",
            "--precision f32",
            "--smooth 0.5",
            "--noise 0.1",
            "--maps",
            "--no-audio",
            "--no-metadata",
            "--tonemap off",
        ] {
            assert_ne!(settings(flags), settings(""), "{flags}");
        }
        assert_eq!(settings("--maps --map-size source"), settings("--maps"));
        assert!(settings("--maps --map-size native").contains(r#""map-size":"native""#));
    }
}
