//! The order of the house: imports go down, and in no circle.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The rooms from the bottom to the top: a module imports from its own room and from those before it.
const ROOMS: [&str; 9] =
    ["error", "simd", "convention", "pooling", "kernel", "model", "plan", "engine", "python"];

/// A module by its path below the crate, such as `engine::batch`.
type Module = String;

/// The source files of the crate, by module; a folder's `mod.rs` is its door.
fn modules() -> BTreeMap<Module, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut folders, mut found) = (vec![root.clone()], BTreeMap::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if let Some(module) = module(path.strip_prefix(&root).unwrap()) {
                found.insert(module, fs::read_to_string(&path).unwrap());
            }
        }
    }
    found
}

/// The module of a file; none of the crate's front page and of files of tests.
fn module(file: &Path) -> Option<Module> {
    let path: PathBuf = file.with_extension("");
    let mut parts: Vec<_> = path.iter().map(|part| part.to_str().unwrap()).collect();
    parts.pop_if(|last| *last == "mod");
    let is_test = parts.iter().any(|part| ["tests", "testing", "double"].contains(part));
    (!is_test && parts != ["lib"]).then(|| parts.join("::"))
}

/// The code without its comments and its tests, which may import what they like.
fn code(source: &str) -> String {
    let lines = source.lines().map(str::trim_start).take_while(|line| *line != "mod tests {");
    let lines = lines.filter(|line| !line.starts_with("//"));
    let (mut kept, mut tested) = (String::new(), false);
    for line in lines {
        // The item behind the attribute is one line.
        if !tested && !line.starts_with("#[cfg(test)]") {
            kept.push_str(line);
            kept.push('\n');
        }
        tested = line.starts_with("#[cfg(test)]");
    }
    kept
}

/// All paths in `code` that begin with `start`, without it: `a::b` and `a::c` of `a::{b, c}`.
fn paths(code: &str, start: &str) -> Vec<String> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    let mut all = Vec::new();
    for (at, _) in code.match_indices(start) {
        let is_whole = !code[..at].ends_with(|c: char| is_part(c));
        let rest = &code[at + start.len()..];
        let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let (path, group) = (&rest[..end], rest[end..].strip_prefix('{'));
        match group.filter(|_| path.is_empty() || path.ends_with("::")) {
            _ if !is_whole => {}
            Some(group) => {
                let (items, _) = group.split_once('}').expect("a group of imports ends");
                let items = items.split(',').map(str::trim).filter(|item| !item.is_empty());
                all.extend(items.map(|item| format!("{path}{item}")));
            }
            None => all.push(path.to_owned()),
        }
    }
    all
}

/// The module in which a path ends: the longest beginning of it that is one.
fn resolve(path: &str, modules: &BTreeMap<Module, String>) -> Option<Module> {
    let path = path.split_whitespace().next().unwrap_or_default();
    let parts: Vec<_> = path.split("::").collect();
    let beginnings = (1..=parts.len()).rev().map(|count| parts[..count].join("::"));
    beginnings.into_iter().find(|beginning| modules.contains_key(beginning))
}

/// The modules that each module imports from; a door imports from all behind it.
fn imports() -> BTreeMap<Module, BTreeSet<Module>> {
    let modules = modules();
    let parent = |module: &str| module.rsplit_once("::").map(|(parent, _)| parent.to_owned());
    let is_door =
        |module: &Module| modules.keys().any(|other| parent(other).as_ref() == Some(module));
    let of_module = |(module, source): (&Module, &String)| {
        let code = code(source);
        let above =
            if is_door(module) { String::new() } else { parent(module).unwrap_or_default() };
        let prefix = if above.is_empty() { above } else { format!("{above}::") };
        let absolute = paths(&code, "crate::").into_iter();
        let relative = paths(&code, "super::").into_iter().map(|path| format!("{prefix}{path}"));
        let named = absolute.chain(relative).filter_map(|path| resolve(&path, &modules));
        let behind = modules.keys().filter(|other| parent(other).as_ref() == Some(module)).cloned();
        let all = named.chain(behind).filter(|other| other != module);
        (module.clone(), all.collect())
    };
    modules.iter().map(of_module).collect()
}

fn room(module: &str) -> usize {
    let door = module.split("::").next().unwrap();
    let found = ROOMS.iter().position(|room| *room == door);
    found.unwrap_or_else(|| panic!("{module} is in no room"))
}

#[test]
fn imports_go_down() {
    let imports = imports();
    assert!(imports.len() > 70, "{} modules are not the whole crate", imports.len());
    for (module, others) in &imports {
        for other in others {
            assert!(room(other) <= room(module), "{module} imports from {other}, a room above");
        }
    }
}

#[test]
fn imports_make_no_circle() {
    let mut left = imports();
    // Take away modules that import from none that is left, or that none that is left imports from.
    // The modules of a circle stay.
    loop {
        let before = left.len();
        let names: BTreeSet<_> = left.keys().cloned().collect();
        left.retain(|_, others| others.iter().any(|other| names.contains(other)));
        let imported: BTreeSet<_> = left.values().flatten().cloned().collect();
        left.retain(|module, _| imported.contains(module));
        if left.len() == before {
            break;
        }
    }
    assert!(left.is_empty(), "a circle of imports: {:?}", left.keys());
}

/// The test sees what it is to find.
#[test]
fn paths_are_found() {
    let code =
        code("use super::b::{C, d as e};\n// use crate::x;\nlet y = crate::k::L;\nmod tests {\nz");
    assert_eq!(paths(&code, "super::"), ["b::C", "b::d as e"]);
    assert_eq!(paths(&code, "crate::"), ["k::L"]);
    assert_eq!(paths("$crate::a::B; use super::{gram as g};", "super::"), ["gram as g"]);
}
