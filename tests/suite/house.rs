//! The order of the crate's modules: imports go down, and never in a circle.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The crate's top modules ("rooms"), from the bottom to the top. A module imports only from its
/// own room and from those before it.
const ROOMS: [&str; 10] = [
    "error",
    "simd",
    "convention",
    "pooling",
    "kernel",
    "model",
    "plan",
    "engine::batch",
    "engine",
    "python",
];

/// A module's path within the crate, such as `engine::batch`.
type Module = String;

/// The source text of each module. The module of a folder, its "door", is in `mod.rs`.
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

/// The module of a file. `lib.rs` and files of tests have none.
fn module(file: &Path) -> Option<Module> {
    let path: PathBuf = file.with_extension("");
    let mut parts: Vec<_> = path.iter().map(|part| part.to_str().unwrap()).collect();
    parts.pop_if(|last| *last == "mod");
    let is_test = parts.iter().any(|part| ["tests", "testing", "double"].contains(part));
    (!is_test && parts != ["lib"]).then(|| parts.join("::"))
}

/// The code without comments and tests. Tests may import anything.
fn code(source: &str) -> String {
    let lines = source.lines().map(str::trim_start).take_while(|line| *line != "mod tests {");
    let lines = lines.filter(|line| !line.starts_with("//"));
    let (mut kept, mut tested) = (String::new(), false);
    for line in lines {
        // The item after the attribute is one line long.
        if !tested && !line.starts_with("#[cfg(test)]") {
            kept.push_str(line);
            kept.push('\n');
        }
        tested = line.starts_with("#[cfg(test)]");
    }
    kept
}

/// All paths in `code` that begin with `start`, without `start`. `a::{b, c}` gives `a::b` and
/// `a::c`.
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

/// The module of the item that a path names: the longest beginning of the path that is a module.
fn resolve(path: &str, modules: &BTreeMap<Module, String>) -> Option<Module> {
    let path = path.split_whitespace().next().unwrap_or_default();
    let parts: Vec<_> = path.split("::").collect();
    let beginnings = (1..=parts.len()).rev().map(|count| parts[..count].join("::"));
    beginnings.into_iter().find(|beginning| modules.contains_key(beginning))
}

/// The modules that each module imports from. A folder's module counts as importing from all
/// modules in the folder.
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
    let is_in = |room: &str| {
        let rest = module.strip_prefix(room);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    };
    let found = ROOMS.iter().position(|room| is_in(room));
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
    // Remove every module that imports from no remaining module, or that no remaining module
    // imports. Repeat this. The modules of a circle are never removed.
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

/// [`paths`] and [`code`] find the imports that the two tests above look for.
#[test]
fn paths_are_found() {
    let code =
        code("use super::b::{C, d as e};\n// use crate::x;\nlet y = crate::k::L;\nmod tests {\nz");
    assert_eq!(paths(&code, "super::"), ["b::C", "b::d as e"]);
    assert_eq!(paths(&code, "crate::"), ["k::L"]);
    assert_eq!(paths("$crate::a::B; use super::{gram as g};", "super::"), ["gram as g"]);
}
