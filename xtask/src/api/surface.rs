//! Reads a crate's source and keeps what others can name.
//!
//! Reached from outside is: what a public module declares as `pub`, and what a public module re-exports with `pub use`
//! from a module of the same crate. Methods are kept where their type is reached. Macros are kept where they are exported.

use anyhow::{Context, Result};
use quote::ToTokens;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use syn::{Attribute, Block, Fields, Ident, ImplItem, Item, TraitItem, UseTree, Visibility, parse_quote};

/// A module: its items, and the modules in it.
struct Module {
    items: Vec<Item>,
    children: BTreeMap<String, (bool, Module)>,
}

/// The text of everything that can be reached in the crate whose root file is `root`.
///
/// # Errors
/// Where a file cannot be read or parsed.
pub fn of(root: &Path) -> Result<String> {
    let module = read(root, root.parent().context("a source folder")?.to_owned())?;
    let mut reached = BTreeMap::new();
    collect(&module, &module, "crate", &mut reached, &mut BTreeSet::new());
    let names: BTreeSet<String> = reached.keys().filter_map(|path| path.rsplit("::").next()).map(Into::into).collect();
    methods(&module, &names, &mut reached);
    macros(&module, &mut reached);
    let mut text = String::new();
    for (path, items) in reached {
        text.push_str(&format!("// {path}\n"));
        let mut items: Vec<String> = items.into_iter().map(printed).collect();
        items.sort();
        text.push_str(&items.concat());
    }
    Ok(text)
}

fn printed(item: Item) -> String {
    prettyplease::unparse(&syn::File { shebang: None, frontmatter: None, attrs: Vec::new(), items: vec![item] })
}

/// Reads a file and the modules that it declares; `folder` is where theirs lie.
fn read(file: &Path, folder: PathBuf) -> Result<Module> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let parsed = syn::parse_file(&text).with_context(|| format!("cannot parse {}", file.display()))?;
    module(parsed.items, &folder)
}

fn module(items: Vec<Item>, folder: &Path) -> Result<Module> {
    let mut this = Module { items: Vec::new(), children: BTreeMap::new() };
    for item in items {
        match item {
            Item::Mod(inner) if !is_test(&inner.attrs) => {
                let name = inner.ident.to_string();
                let child = match inner.content {
                    Some((_, items)) => module(items, &folder.join(&name))?,
                    None => {
                        let flat = folder.join(format!("{name}.rs"));
                        let file = if flat.is_file() { flat } else { folder.join(&name).join("mod.rs") };
                        read(&file, folder.join(&name))?
                    }
                };
                this.children.insert(name, (is_public(&inner.vis), child));
            }
            other => this.items.push(other),
        }
    }
    Ok(this)
}

fn is_test(attributes: &[Attribute]) -> bool {
    let cfg = |a: &Attribute| a.path().is_ident("cfg") && a.to_token_stream().to_string().contains("test");
    attributes.iter().any(cfg)
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

type Reached = BTreeMap<String, Vec<Item>>;

/// Adds what is public in `module`, its public modules, and what it re-exports from modules below `root`.
fn collect(root: &Module, module: &Module, path: &str, reached: &mut Reached, seen: &mut BTreeSet<String>) {
    if !seen.insert(path.to_owned()) {
        return;
    }
    for item in &module.items {
        if let Item::Use(used) = item
            && is_public(&used.vis)
        {
            re_exported(root, module, &used.tree, Vec::new(), path, reached, seen);
        } else if let Some((name, stripped)) = declared(item) {
            reached.entry(format!("{path}::{name}")).or_default().push(stripped);
        }
    }
    for (name, (public, child)) in &module.children {
        if *public {
            collect(root, child, &format!("{path}::{name}"), reached, seen);
        }
    }
}

/// Follows a `pub use` tree; what leads out of the crate is kept as the line itself.
fn re_exported(
    root: &Module,
    module: &Module,
    tree: &UseTree,
    mut prefix: Vec<String>,
    path: &str,
    reached: &mut Reached,
    seen: &mut BTreeSet<String>,
) {
    match tree {
        UseTree::Path(step) => {
            prefix.push(step.ident.to_string());
            re_exported(root, module, &step.tree, prefix, path, reached, seen);
        }
        UseTree::Group(group) => {
            for tree in &group.items {
                re_exported(root, module, tree, prefix.clone(), path, reached, seen);
            }
        }
        UseTree::Name(name) => named(root, module, &prefix, &name.ident, &name.ident, path, reached, seen),
        UseTree::Rename(name) => named(root, module, &prefix, &name.ident, &name.rename, path, reached, seen),
        UseTree::Glob(_) => outside(&prefix, "*", "*", path, reached),
    }
}

#[allow(clippy::too_many_arguments, reason = "one step of the walk above, with its state")]
fn named(
    root: &Module,
    module: &Module,
    prefix: &[String],
    name: &Ident,
    known_as: &Ident,
    path: &str,
    reached: &mut Reached,
    seen: &mut BTreeSet<String>,
) {
    let name = name.to_string();
    let Some(home) = find(root, module, prefix) else {
        return outside(prefix, &name, &known_as.to_string(), path, reached);
    };
    if let Some((_, child)) = home.children.get(&name) {
        return collect(root, child, &format!("{path}::{known_as}"), reached, seen);
    }
    let found = home.items.iter().filter_map(declared).find(|(own, _)| *own == name);
    if let Some((_, item)) = found {
        reached.entry(format!("{path}::{known_as}")).or_default().push(item);
        return;
    }
    // The home passes it on from elsewhere.
    for item in &home.items {
        if let Item::Use(used) = item
            && used
                .tree
                .to_token_stream()
                .to_string()
                .split(|c: char| !c.is_alphanumeric() && c != '_')
                .any(|w| w == name)
        {
            return only(root, home, &used.tree, Vec::new(), &name, path, reached, seen);
        }
    }
    outside(prefix, &name, &known_as.to_string(), path, reached);
}

/// Follows the branch of a `use` tree that ends in `wanted`.
#[allow(clippy::too_many_arguments, reason = "one step of the walk above, with its state")]
fn only(
    root: &Module,
    module: &Module,
    tree: &UseTree,
    mut prefix: Vec<String>,
    wanted: &str,
    path: &str,
    reached: &mut Reached,
    seen: &mut BTreeSet<String>,
) {
    match tree {
        UseTree::Path(step) => {
            prefix.push(step.ident.to_string());
            only(root, module, &step.tree, prefix, wanted, path, reached, seen);
        }
        UseTree::Group(group) => {
            group.items.iter().for_each(|tree| only(root, module, tree, prefix.clone(), wanted, path, reached, seen));
        }
        UseTree::Name(name) if name.ident == wanted => {
            named(root, module, &prefix, &name.ident, &name.ident, path, reached, seen);
        }
        _ => {}
    }
}

/// The module that a path leads to, from here or from the crate's root; `None` where it leads out of the crate.
fn find<'a>(root: &'a Module, here: &'a Module, prefix: &[String]) -> Option<&'a Module> {
    let (start, rest) = match prefix.first().map(String::as_str) {
        Some("crate") => (root, &prefix[1..]),
        Some("self") => (here, &prefix[1..]),
        None => return None,
        Some(first) if here.children.contains_key(first) => (here, prefix),
        Some(_) => return None,
    };
    rest.iter().try_fold(start, |module, name| module.children.get(name).map(|(_, child)| child))
}

fn outside(prefix: &[String], name: &str, known_as: &str, path: &str, reached: &mut Reached) {
    let mut full = prefix.to_vec();
    full.push(name.to_owned());
    let text = if name == known_as || name == "*" {
        format!("pub use {};", full.join("::"))
    } else {
        format!("pub use {} as {known_as};", full.join("::"))
    };
    if let Ok(item) = syn::parse_str(&text) {
        reached.entry(format!("{path}::{known_as}")).or_default().push(item);
    }
}

/// A public item's name, and the item without what others cannot see.
fn declared(item: &Item) -> Option<(String, Item)> {
    let mut item = item.clone();
    let name = match &mut item {
        Item::Struct(it) if is_public(&it.vis) => {
            private_fields(&mut it.fields);
            strip(&mut it.attrs, &it.ident)
        }
        Item::Enum(it) if is_public(&it.vis) => {
            for variant in &mut it.variants {
                variant.attrs.retain(is_kept);
                variant.fields.iter_mut().for_each(|field| field.attrs.retain(is_kept));
            }
            strip(&mut it.attrs, &it.ident)
        }
        Item::Trait(it) if is_public(&it.vis) => {
            it.items.iter_mut().for_each(without_body);
            strip(&mut it.attrs, &it.ident)
        }
        Item::Fn(it) if is_public(&it.vis) => {
            *it.block = empty();
            strip(&mut it.attrs, &it.sig.ident)
        }
        Item::Const(it) if is_public(&it.vis) => {
            *it.expr = parse_quote!(_);
            strip(&mut it.attrs, &it.ident)
        }
        Item::Static(it) if is_public(&it.vis) => {
            *it.expr = parse_quote!(_);
            strip(&mut it.attrs, &it.ident)
        }
        Item::Type(it) if is_public(&it.vis) => strip(&mut it.attrs, &it.ident),
        _ => return None,
    };
    Some((name, item))
}

fn strip(attributes: &mut Vec<Attribute>, name: &Ident) -> String {
    attributes.retain(is_kept);
    name.to_string()
}

/// Attributes that are a promise.
fn is_kept(attribute: &Attribute) -> bool {
    ["non_exhaustive", "derive", "must_use", "macro_export", "repr", "default"]
        .iter()
        .any(|n| attribute.path().is_ident(n))
}

/// Private fields become one that says so.
fn private_fields(fields: &mut Fields) {
    let hidden = fields.iter().any(|field| !is_public(&field.vis));
    match fields {
        Fields::Named(named) => {
            named.named = std::mem::take(&mut named.named).into_iter().filter(|f| is_public(&f.vis)).collect();
            named.named.iter_mut().for_each(|field| field.attrs.retain(is_kept));
            if hidden {
                named.named.push(parse_quote!(_private: ()));
            }
        }
        Fields::Unnamed(_) if hidden => *fields = Fields::Unnamed(parse_quote!((_private))),
        _ => {}
    }
}

fn empty() -> Block {
    parse_quote!({})
}

fn without_body(item: &mut TraitItem) {
    match item {
        TraitItem::Fn(it) => {
            it.attrs.retain(is_kept);
            if it.default.is_some() {
                it.default = Some(empty());
            }
        }
        TraitItem::Const(it) => it.attrs.retain(is_kept),
        TraitItem::Type(it) => it.attrs.retain(is_kept),
        _ => {}
    }
}

/// Adds the public methods of reached types, and the traits that they implement.
fn methods(module: &Module, names: &BTreeSet<String>, reached: &mut Reached) {
    for item in &module.items {
        let Item::Impl(it) = item else { continue };
        let syn::Type::Path(of) = &*it.self_ty else { continue };
        let Some(name) = of.path.segments.last().map(|s| s.ident.to_string()).filter(|n| names.contains(n)) else {
            continue;
        };
        let mut it = it.clone();
        it.attrs.clear();
        if it.trait_.is_some() {
            it.items.retain(|item| matches!(item, ImplItem::Type(_)));
        } else {
            it.items.retain_mut(kept_method);
            if it.items.is_empty() {
                continue;
            }
        }
        let home = reached.iter_mut().find(|(path, _)| path.rsplit("::").next() == Some(&name));
        if let Some((_, items)) = home {
            items.push(Item::Impl(it));
        }
    }
    module.children.values().for_each(|(_, child)| methods(child, names, reached));
}

fn kept_method(item: &mut ImplItem) -> bool {
    match item {
        ImplItem::Fn(it) if is_public(&it.vis) => {
            it.attrs.retain(is_kept);
            it.block = empty();
            true
        }
        ImplItem::Const(it) if is_public(&it.vis) => {
            it.attrs.retain(is_kept);
            it.expr = parse_quote!(_);
            true
        }
        _ => false,
    }
}

/// Adds exported macros: by their patterns, without what they become.
fn macros(module: &Module, reached: &mut Reached) {
    for item in &module.items {
        let Item::Macro(it) = item else { continue };
        if !it.attrs.iter().any(|a| a.path().is_ident("macro_export")) {
            continue;
        }
        let Some(name) = &it.ident else { continue };
        let rules = it.mac.tokens.to_string();
        let patterns: Vec<&str> = rules.split("=>").map(str::trim).collect();
        let first = patterns.first().copied().unwrap_or_default();
        let marker: Item = syn::parse_str(&format!("pub const {name}: &str = {first:?};")).unwrap_or_else(|_| {
            parse_quote!(
                pub const UNNAMED: &str = "";
            )
        });
        reached.entry(format!("crate::{name}!")).or_default().push(marker);
    }
    module.children.values().for_each(|(_, child)| macros(child, reached));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn surface(files: &[(&str, &str)]) -> String {
        let folder = std::env::temp_dir().join(format!("ocelli-surface-{}-{}", std::process::id(), files[0].1.len()));
        std::fs::create_dir_all(&folder).unwrap();
        for (name, text) in files {
            let path = folder.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let text = of(&folder.join("lib.rs"));
        std::fs::remove_dir_all(&folder).unwrap();
        text.unwrap()
    }

    #[test]
    fn what_others_can_name_is_kept_and_nothing_else() {
        let text = surface(&[
            ("lib.rs", "mod inner; pub mod open; pub use inner::{Kept as Known, made}; pub use serde::Serialize;"),
            (
                "inner.rs",
                "/// Docs.\n#[non_exhaustive] pub struct Kept { pub a: u8, b: u8 } impl Kept { pub fn new() -> Self { todo!() } \
                 fn own(&self) {} } pub struct Unreached; pub fn made() -> u8 { 3 }",
            ),
            ("open.rs", "pub const LIMIT: u8 = 7; fn hidden() {} #[cfg(test)] mod tests { pub fn no() {} }"),
        ]);
        for kept in [
            "crate::Known",
            "_private",
            "crate::open::LIMIT",
            "pub fn made() -> u8 {}",
            "serde::Serialize",
            "non_exhaustive",
        ] {
            assert!(text.contains(kept), "{kept} is missing in\n{text}");
        }
        for dropped in ["Unreached", "hidden", "fn own", "b: u8", "Docs", "no()"] {
            assert!(!text.contains(dropped), "{dropped} is in\n{text}");
        }
    }

    #[test]
    fn methods_and_macros_of_private_modules_count() {
        let text = surface(&[
            ("lib.rs", "mod a; mod b; pub use a::Thing;"),
            ("a.rs", "pub struct Thing(u8);"),
            (
                "b.rs",
                "impl crate::a::Thing { pub fn size(&self) -> usize { 1 } } #[macro_export] macro_rules! thing { ($a:expr) => { $a }; }",
            ),
        ]);
        assert!(text.contains("pub fn size(&self) -> usize {}"), "{text}");
        assert!(text.contains("crate::thing!") && text.contains("$ a : expr"), "{text}");
    }
}
