//! The command line of `ocelli library`.

use crate::args::Requests;
use clap::{Args, Subcommand, ValueEnum};
use ocelli::core::Priority;
use std::path::PathBuf;

/// Where results are kept unless said otherwise.
const STORE: &str = "ocelli.library";

#[derive(Args, Debug)]
pub struct Library {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Look at every picture below some folders that is new, changed, or not yet asked for everything
    Scan(Box<Scan>),
    /// Write what is known for other programs
    Export(Export),
    /// Count pictures, failures and what was found
    Stats(Stats),
    /// List the pictures for which an expression holds
    Query(Query),
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  ocelli library scan photos/ --request faces --store photos.library
  ocelli library scan photos/ --detector deep-tiny      # faster still, finds fewer of the hard ones
  ocelli library query 'faces >= 2' --store photos.library

The default detector is deep-int8, in 8-bit integers: nearly the faces that deep finds, in about half the time. With
--device gpu it is deep.

May be stopped at any instant, even with kill -9, and started again: it goes on where it was. Changed files are known by
size and time, then by content. A bad file is kept with its error and never stops the run. The run gives way to
everything else on the machine unless --priority says otherwise.

Exit status: 0 all pictures were read, 1 some failed, 2 wrong usage.")]
pub struct Scan {
    /// Folders to search for pictures, links included; files are taken as they are
    #[arg(required = true, value_name = "DIR")]
    pub folders: Vec<PathBuf>,
    #[command(flatten)]
    pub requests: Requests,
    /// Folder of the results
    #[arg(long, value_name = "DIR", default_value = STORE)]
    pub store: PathBuf,
    /// How urgent the run is
    #[arg(long, value_enum, default_value_t = Urgency::Background)]
    pub priority: Urgency,
    /// Look again at files that failed, though they did not change
    #[arg(long)]
    pub retry_failed: bool,
    /// Worker threads [default: one a core]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub threads: usize,
    /// No progress bar
    #[arg(long, short)]
    pub quiet: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub enum Urgency {
    /// Only where nobody else wants the processor
    Background,
    /// As other programs
    Default,
    /// A person waits
    Interactive,
}

impl From<Urgency> for Priority {
    fn from(urgency: Urgency) -> Self {
        match urgency {
            Urgency::Background => Self::Background,
            Urgency::Default => Self::Default,
            Urgency::Interactive => Self::Interactive,
        }
    }
}

#[derive(Args, Debug)]
pub struct Export {
    /// Folder of the results
    #[arg(long, value_name = "DIR", default_value = STORE)]
    pub store: PathBuf,
    /// What to write
    #[arg(long, value_enum, default_value_t = ExportFormat::Jsonl)]
    pub format: ExportFormat,
    /// Where to [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub enum ExportFormat {
    /// An object a line and picture: everything that is known
    Jsonl,
    /// A line an observation
    Csv,
    /// The columns of the CSV
    Parquet,
    /// A COCO results file
    Coco,
}

#[derive(Args, Debug)]
pub struct Stats {
    /// Folder of the results
    #[arg(long, value_name = "DIR", default_value = STORE)]
    pub store: PathBuf,
    /// For programs
    #[arg(long)]
    pub json: bool,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Fields: path format width height bytes error gone, a kind of request for its number of observations (faces), and its
highest confidence (faces.confidence). Operators: = != < <= > >= and ~ for a part of a text; and, or, not, parentheses.

Examples:
  ocelli library query 'faces >= 2 and width > 2000'
  ocelli library query 'error' --format json
  ocelli library query \"path ~ 'holiday' and not faces\"")]
pub struct Query {
    /// What must hold, for example 'faces >= 2'
    #[arg(value_name = "EXPRESSION")]
    pub expression: String,
    /// Folder of the results
    #[arg(long, value_name = "DIR", default_value = STORE)]
    pub store: PathBuf,
    /// Paths, or everything that is known
    #[arg(long, value_enum, default_value_t = QueryFormat::Text)]
    pub format: QueryFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub enum QueryFormat {
    /// A path a line, with the error of a file that has one
    Text,
    /// An object a line
    Json,
}
