//! Chores of the workspace: `cargo xtask check` is what CI runs before the tests.

mod api;
mod house;
mod metadata;
mod new_plugin;

use anyhow::{Result, bail};
use clap::{Parser, Subcommand};
use std::process::Command;

/// Chores of the workspace.
#[derive(Debug, Parser)]
struct Cli {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Debug, Subcommand)]
enum Chore {
    /// Everything that CI checks before the tests: format, clippy, documentation, house rules
    Check,
    /// The house rules alone: layering, map, lints, file sizes
    House,
    /// The public surface of the promised crates: compare with docs/api, or accept what it is now
    Api {
        /// Write the surface as it is now into docs/api
        #[arg(long)]
        accept: bool,
    },
    /// Make a plugin from plugins/template and register it
    NewPlugin {
        /// Its name, in small letters and dashes: blur-meter
        name: String,
    },
}

fn main() -> Result<()> {
    match Cli::parse().chore {
        Chore::House => house::check(),
        Chore::Api { accept } => api::run(accept),
        Chore::NewPlugin { name } => {
            new_plugin::run(&name, &new_plugin::root()?)?;
            cargo(&["fmt", "--all"], &[]) // puts the new lines into the house's order
        }
        Chore::Check => {
            house::check()?;
            api::run(false)?;
            cargo(&["fmt", "--all", "--check"], &[])?;
            cargo(&["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"], &[])?;
            cargo(&["doc", "--workspace", "--no-deps", "--quiet"], &[("RUSTDOCFLAGS", "-D warnings")])
        }
    }
}

/// Runs cargo, telling what it runs.
fn cargo(args: &[&str], env: &[(&str, &str)]) -> Result<()> {
    eprintln!("xtask: cargo {}", args.join(" "));
    let status = Command::new(env!("CARGO")).args(args).envs(env.iter().copied()).status()?;
    if !status.success() {
        bail!("cargo {} failed", args.join(" "));
    }
    Ok(())
}
