//! The rules for imports: modules import downwards, commands do not import each other, and no files import each other
//! in a circle. See CONTRIBUTING.md.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The layers, from the top. A module imports from its own layer or from lower ones.
const FLOORS: &[&[&str]] = &[
    &["fuzzing"],
    &["cli"],
    &["commands"],
    &["pipeline", "verify"],
    &["saliency"],
    &["fuse", "model"],
    &["motion", "source", "sink", "reframe"],
    &["raster", "annotate", "reporting", "platform"],
    &["frame"],
    &["passthrough", "colour", "error", "choice"],
    &["address"],
];

/// Commands that may build on another command.
const BUILDS_ON: [(&str, &str); 2] = [("batch", "run"), ("bench", "run")];

/// A module's path, such as `commands::run`.
type Module = String;

/// All modules with their code, without comments and unit tests.
fn modules(source: &Path) -> BTreeMap<Module, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![source.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(source).unwrap().with_extension("");
                let parts: Vec<&str> = name.iter().map(|part| part.to_str().unwrap()).collect();
                let parts = parts.strip_suffix(&["mod"]).unwrap_or(&parts);
                let text = fs::read_to_string(&path).unwrap();
                let text = text.split("#[cfg(test)]\nmod tests").next().unwrap();
                let code: String =
                    text.lines().map(|line| line.split("//").next().unwrap().to_owned() + "\n").collect();
                found.insert(parts.join("::"), code);
            }
        }
    }
    found
}

/// The paths that the `use` declaration `tree` stands for.
fn expand(prefix: &str, tree: &str, paths: &mut Vec<String>) {
    let mut depth = 0;
    let parts = tree.split(|c| {
        depth += i32::from(c == '{') - i32::from(c == '}');
        c == ',' && depth == 0
    });
    for part in parts.map(str::trim).filter(|part| !part.is_empty()) {
        match part.split_once('{') {
            Some((inner, rest)) => expand(&format!("{prefix}{inner}"), rest.strip_suffix('}').unwrap(), paths),
            None => paths.push(format!("{prefix}{}", part.split(" as ").next().unwrap())),
        }
    }
}

/// Every path in `code` that begins with `crate`, `super` or `self`.
fn mentioned(code: &str) -> Vec<String> {
    let mut paths = Vec::new();
    for (at, _) in code.match_indices("use ") {
        let tree = code[at + 4..].split(';').next().unwrap();
        if ["crate::", "super::", "self::"].iter().any(|root| tree.starts_with(root)) {
            expand("", tree, &mut paths);
        }
    }
    for root in ["crate::", "super::"] {
        for (at, _) in code.match_indices(root) {
            let path: String =
                code[at..].chars().take_while(|c| c.is_alphanumeric() || *c == '_' || *c == ':').collect();
            paths.push(path.trim_end_matches(':').to_owned());
        }
    }
    paths
}

/// Resolves `path` in `module` to a path from the crate root.
fn absolute(module: &str, path: &str) -> String {
    let mut above: Vec<&str> = module.split("::").collect();
    let mut rest = path;
    if let Some(inner) = rest.strip_prefix("crate::") {
        return if ["Error", "Result"].contains(&inner) { "error".into() } else { inner.into() };
    }
    if let Some(inner) = rest.strip_prefix("self::") {
        return format!("{module}::{inner}");
    }
    while let Some(inner) = rest.strip_prefix("super::") {
        above.pop();
        rest = inner;
    }
    above.into_iter().chain([rest]).collect::<Vec<_>>().join("::")
}

/// For each name that a module re-exports from one of its children, where it is defined.
fn reexports(modules: &BTreeMap<Module, String>) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for (module, code) in modules {
        for (at, _) in code.match_indices("pub use ").chain(code.match_indices("pub(crate) use ")) {
            let tree = code[at..].split_once("use ").unwrap().1.split(';').next().unwrap();
            let tree = tree.strip_prefix("self::").unwrap_or(tree);
            let mut paths = Vec::new();
            expand("", tree, &mut paths);
            for path in paths.iter().filter(|path| !path.starts_with("crate") && !path.starts_with("super")) {
                let name = path.rsplit("::").next().unwrap();
                found.insert(format!("{module}::{name}"), format!("{module}::{path}"));
            }
        }
    }
    found
}

/// The modules that each module imports from, with re-exports resolved.
fn imports(source: &str) -> BTreeMap<Module, BTreeSet<Module>> {
    let modules = modules(&Path::new(env!("CARGO_MANIFEST_DIR")).join(source));
    let reexports = reexports(&modules);
    let home = |path: &str| {
        let mut path = path.to_owned();
        for _ in 0..4 {
            let parts: Vec<&str> = path.split("::").collect();
            let prefixes = (1..=parts.len()).rev().map(|length| (parts[..length].join("::"), &parts[length..]));
            let moved = prefixes
                .filter_map(|(prefix, rest)| {
                    let target = reexports.get(&prefix).filter(|target| **target != prefix)?;
                    Some([std::slice::from_ref(&target.as_str()), rest].concat().join("::"))
                })
                .next();
            match moved {
                Some(moved) => path = moved,
                None => break,
            }
        }
        let parts: Vec<&str> = path.split("::").collect();
        (1..=parts.len()).rev().map(|length| parts[..length].join("::")).find(|module| modules.contains_key(module))
    };
    let of = |(module, code): (&Module, &String)| {
        let targets = mentioned(code).into_iter().filter_map(|path| home(&absolute(module, &path)));
        (module.clone(), targets.filter(|target| target != module && target != "lib").collect())
    };
    modules.iter().filter(|(module, _)| *module != "lib" && *module != "main").map(of).collect()
}

fn floor(module: &str) -> usize {
    let room = module.split("::").next().unwrap();
    FLOORS.iter().position(|rooms| rooms.contains(&room)).unwrap_or_else(|| panic!("{room} has no layer: add it"))
}

#[test]
fn modules_import_downwards() {
    for (module, targets) in imports("src") {
        for target in targets {
            assert!(floor(&module) <= floor(&target), "{module} imports from {target}, which is in a higher layer");
        }
    }
}

#[test]
fn rooms_of_one_floor_do_not_know_each_other() {
    let room = |module: &str| module.split("::").next().unwrap().to_owned();
    for (module, targets) in imports("src") {
        for target in targets.iter().filter(|target| floor(target) == floor(&module)) {
            assert_eq!(room(&module), room(target), "{module} imports from {target}, in the same layer");
        }
    }
}

#[test]
fn commands_do_not_know_each_other() {
    let command = |module: &str| module.strip_prefix("commands::")?.split("::").next().map(str::to_owned);
    for (module, targets) in imports("src") {
        let Some(own) = command(&module) else { continue };
        for other in targets.iter().filter_map(|target| command(target)).filter(|other| *other != own) {
            assert!(BUILDS_ON.contains(&(&*own, &*other)), "{module} imports from the command {other}");
        }
    }
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    for source in ["src", "crates/onnx-grad/src"] {
        let left = in_circles(imports(source));
        assert!(left.is_empty(), "{source}: in a circle, or above one: {left:#?}");
    }
}

/// The files that are left when those that import none of the remaining ones are taken away, again and again.
fn in_circles(mut left: BTreeMap<Module, BTreeSet<Module>>) -> BTreeMap<Module, BTreeSet<Module>> {
    loop {
        let free: Vec<Module> =
            left.iter().filter(|(_, targets)| targets.is_empty()).map(|(module, _)| module.clone()).collect();
        if free.is_empty() {
            break;
        }
        for module in &free {
            left.remove(module);
        }
        left.values_mut().for_each(|targets| targets.retain(|target| !free.contains(target)));
    }
    left
}

#[test]
fn only_the_command_line_knows_clap() {
    for (module, code) in modules(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")) {
        assert!(module.starts_with("cli") || !code.contains("clap"), "{module} uses clap");
    }
}
