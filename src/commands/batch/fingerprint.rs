//! What a finished clip's settings are known by: a checksum over all that makes its result what it is.

use clap::ValueEnum;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::Result;
use crate::cli::BatchArgs;
use crate::model::file_sha256;

/// Version of the form below and of what the settings in it mean. Raise it when results made with the same settings
/// become different enough that finished clips should be done again: nothing else in the program's version counts.
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
    pub(super) fn of(args: &BatchArgs) -> Result<Self> {
        let model = file_sha256(&args.model.model.choose()?.path)?;
        let labels = args.model.labels.as_deref().map(file_sha256).transpose()?;
        let text = canonical(args, &model, labels).to_string();
        Ok(Self { settings: hex::encode(Sha256::digest(text)), model })
    }
}

/// The settings by the names of their flags, sorted, without those that are not given. A new flag without a default
/// therefore leaves the fingerprints of earlier versions as they are; one with a default is left out at that default.
fn canonical(args: &BatchArgs, model_sha256: &str, labels_sha256: Option<String>) -> Value {
    let BatchArgs { model, request, method, picture, clip, .. } = args;
    let targets: Vec<String> = model.target.iter().map(ToString::to_string).collect();
    let mut settings = json!({
        "schema": SCHEMA,
        "model": model_sha256,
        "labels": labels_sha256,
        "preprocess": model.preprocess.map(flag_value),
        "device": flag_value(model.device),
        "precision": flag_value(model.precision),
        "target": targets,
        "channels": flag_value(model.channels),
        "raw": model.raw,
        "smooth": model.smooth,
        "fit": flag_value(model.fit),
        "static-every": model.static_every.map(|every| every.to_string()),
        "fps-target": model.fps_target,
        "size": request.size(),
        "scores": request.scores().map(ToString::to_string),
        "method": method.method.map(flag_value),
        "samples": method.samples,
        "noise": method.noise,
        "baseline": method.baseline.map(flag_value),
        "layer": method.layer,
        "fusion": flag_value(picture.fusion.fusion),
        "lookahead": picture.fusion.lookahead,
        "layout": flag_value(picture.layout),
        "colormap": flag_value(picture.colormap),
        "alpha": picture.alpha,
        "no-label": picture.no_label,
        "start": clip.start,
        "duration": clip.duration,
        "fps": clip.fps,
        "no-audio": clip.no_audio,
        "crf": clip.crf,
        "records": args.records.map(flag_value),
        "map": args.maps.then(|| flag_value(args.map)),
        "map-format": args.maps.then(|| flag_value(args.map_format)),
        "split": args.split,
    });
    if let Value::Object(settings) = &mut settings {
        settings.retain(|_, value| !value.is_null());
    }
    settings
}

/// A value as its flag spells it.
fn flag_value(value: impl ValueEnum) -> String {
    value.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::{Cli, Command};

    fn settings(flags: &str) -> String {
        let line = format!("salstream batch in -o out {flags}");
        match Cli::parse_from(line.split_whitespace()).command {
            Command::Batch(args) => canonical(&args, "c0ffee", None).to_string(),
            _ => unreachable!(),
        }
    }

    /// Finished clips all over the world have this text's checksum: it must not change with the names or the order of
    /// this program's fields, nor with its version.
    #[test]
    fn the_form_stays_what_it_is() {
        let usual = concat!(
            r#"{"alpha":0.699999988079071,"channels":"max","colormap":"turbo","crf":20,"device":"auto","#,
            r#""fit":"stretch","fps-target":25,"fusion":"adaptive","layout":"overlay","lookahead":2,"#,
            r#""model":"c0ffee","no-audio":false,"no-label":false,"precision":"auto","raw":false,"schema":1,"#,
            r#""target":["top1"]}"#
        );
        assert_eq!(settings(""), usual);
        let given = "--target 7 --target tench --static-every auto --size 320x240 --scores logits[:,-1,*] --method grad-cam++ \
                     --layer x --start 1:02 --records csv --maps --map static --map-format npy --split 60";
        let added = concat!(
            r#""layer":"x","layout":"overlay","lookahead":2,"map":"static","map-format":"npy","method":"grad-cam++","#,
            r#""model":"c0ffee","no-audio":false,"no-label":false,"precision":"auto","raw":false,"records":"csv","#,
            r#""schema":1,"scores":"logits[:,-1,*]","size":[240,320],"split":60.0,"start":62.0,"static-every":"auto","#,
            r#""target":["7","tench"]}"#
        );
        assert!(settings(given).ends_with(added), "{}", settings(given));
    }

    #[test]
    fn how_a_batch_is_run_does_not_count() {
        for flags in ["--jobs 3 --threads 2", "--retry 1 --fail-fast", "--remeasure --fallback", "--hash --quiet"] {
            assert_eq!(settings(flags), settings(""), "{flags}");
        }
        for flags in ["--crf 21", "--precision bf16", "--smooth 0.5", "--noise 0.1", "--maps", "--no-audio"] {
            assert_ne!(settings(flags), settings(""), "{flags}");
        }
    }
}
