//! The command line, as clap reads it.

use clap::{Args, Parser, Subcommand, ValueEnum};
use ocelli::VisionBuilder;
use ocelli::face_viola_jones::ViolaJones;
use ocelli::prelude::*;
use serde_json::{Map, Value, json};
use std::path::PathBuf;

/// Finds faces in pictures, on this machine, with nothing leaving it.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100, arg_required_else_help = true)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Find faces in pictures and folders of pictures
    Detect(Detect),
    /// Show what would be done to a picture, without decoding it
    Explain(Explain),
    /// Say why a face that you see in a picture was not found
    ExplainMiss(ExplainMiss),
    /// Compare detectors over annotated pictures: table, curves, pictures
    Compare(Compare),
    /// Train a cascade for the Viola-Jones detector
    TrainCascade(TrainCascade),
    /// Search whole libraries of pictures: resumable, with results in a store
    Library(crate::library::Library),
    /// List the requests that can be made and the algorithms that answer them
    Algorithms,
    /// List the graphics devices that networks can run on, with their limits
    Devices(ListDevices),
}

/// What to ask of every picture.
#[derive(Args, Clone, Debug)]
pub struct Requests {
    /// What to look for: faces, landmarks, face-quality; repeat for several. NAME or NAME:JSON, for example
    /// 'faces:{"max_count":1}'
    #[arg(long = "request", value_name = "NAME", default_value = "faces")]
    requests: Vec<String>,
    /// Algorithm that finds the faces (see `ocelli algorithms`) [default: the best one]
    #[arg(long, value_name = "NAME")]
    detector: Option<String>,
    #[command(flatten)]
    pub cascade: Cascade,
    /// Drop answers less confident than this, 0 to 1 [default: the model's own threshold]
    #[arg(long, value_name = "X", value_parser = fraction)]
    min_confidence: Option<f32>,
    /// Keep at most this many faces a picture, the surest first
    #[arg(long, value_name = "N")]
    max_faces: Option<usize>,
    /// Smallest face, as a fraction of the picture's longer side; smaller costs more [default: 0.03125]
    #[arg(long, value_name = "F", value_parser = fraction)]
    min_size: Option<f32>,
    /// Largest face, as a fraction of the picture's longer side [default: 1]
    #[arg(long, value_name = "F", value_parser = fraction)]
    max_size: Option<f32>,
    /// Find faces that lie on a side or stand on their head, too; costs four times as much
    #[arg(long)]
    any_orientation: bool,
    /// Find more of the smallest faces; costs about four times as much
    #[arg(long)]
    fine: bool,
    #[command(flatten)]
    pub devices: Devices,
    /// Search only this part: left, top, width, height as fractions of the picture
    #[arg(long, value_name = "X,Y,W,H", value_delimiter = ',')]
    region: Option<Vec<f64>>,
}

/// Where to run.
#[derive(Args, Clone, Debug)]
pub struct Devices {
    /// Where networks run: on the processor, on a graphics device, or wherever it is faster
    #[arg(long, value_enum, value_name = "DEVICE", default_value_t = DeviceName::Auto)]
    device: DeviceName,
    /// Part of the name of the graphics adapter to use (see `ocelli devices`) [default: the best one]
    #[arg(long, value_name = "NAME")]
    adapter: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
enum DeviceName {
    /// Wherever it is faster
    Auto,
    /// The processor
    Cpu,
    /// A graphics device, or an error
    Gpu,
}

impl DeviceName {
    fn of_request(self) -> Device {
        match self {
            Self::Auto => Device::Auto,
            Self::Cpu => Device::Cpu,
            Self::Gpu => Device::Gpu,
        }
    }
}

impl Devices {
    /// The settings of a `Vision` that uses the adapter asked for.
    pub fn apply(&self, builder: VisionBuilder) -> Result<VisionBuilder> {
        match &self.adapter {
            None => Ok(builder),
            Some(adapter) => with_adapter(builder, adapter),
        }
    }

    /// A device that is missing is a mistake in the command, not of each picture.
    pub fn check(&self, vision: &Vision) -> Result<()> {
        if self.device == DeviceName::Gpu { vision.devices().gpu_ready() } else { Ok(()) }
    }
}

#[cfg(feature = "gpu")]
fn with_adapter(builder: VisionBuilder, adapter: &str) -> Result<VisionBuilder> {
    Ok(builder.gpu(ocelli::gpu::GpuOptions { adapter: Some(adapter.to_owned()), ..Default::default() }))
}

#[cfg(not(feature = "gpu"))]
fn with_adapter(_: VisionBuilder, adapter: &str) -> Result<VisionBuilder> {
    Err(Error::Unsupported { what: format!("--adapter {adapter}"), hint: "build with the feature `gpu`".into() })
}

/// How much memory may be taken.
#[derive(Args, Debug)]
pub struct Memory {
    /// Take at most this much memory beside the idle program, such as 64MiB: huge pictures are scanned in bands, what does
    /// not fit is refused with what would [default: no limit]
    #[arg(long = "memory", value_name = "SIZE", value_parser = byte_size)]
    budget: Option<u64>,
}

impl Memory {
    /// The settings of a `Vision` with this budget.
    pub fn apply(&self, builder: VisionBuilder) -> VisionBuilder {
        match self.budget {
            Some(bytes) => builder.memory_budget(bytes),
            None => builder,
        }
    }
}

/// A number of bytes with or without a unit, as clap reads it.
fn byte_size(text: &str) -> std::result::Result<u64, String> {
    let text = text.trim();
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.').len();
    let (number, unit) = text.split_at(digits);
    let factor: u64 = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" => 1000,
        "kib" => 1 << 10,
        "m" | "mb" => 1_000_000,
        "mib" => 1 << 20,
        "g" | "gb" => 1_000_000_000,
        "gib" => 1 << 30,
        _ => return Err("expected a number of bytes such as 64MiB, 500MB or 1GiB".to_owned()),
    };
    let number: f64 = number.parse().map_err(|_| "expected a number of bytes such as 64MiB".to_owned())?;
    let bytes = number * factor as f64;
    if bytes >= 1.0 && bytes < 2f64.powi(62) { Ok(bytes as u64) } else { Err("expected at least one byte".to_owned()) }
}

/// Settings of the Viola-Jones detector.
#[derive(Args, Clone, Debug)]
pub struct Cascade {
    /// Cascade file for the Viola-Jones detector: OpenCV's XML or ours [default: the built-in one]
    #[arg(long, value_name = "FILE")]
    cascade: Option<PathBuf>,
    /// By how much the Viola-Jones detector shrinks the picture from level to level [default: 1.1]
    #[arg(long, value_name = "X")]
    scale_factor: Option<f64>,
    /// How many windows must be exceeded for a face of the Viola-Jones detector [default: 3]
    #[arg(long, value_name = "N")]
    min_neighbors: Option<u32>,
}

impl Cascade {
    /// The settings of a `Vision` whose Viola-Jones detector is as asked.
    pub fn apply(&self, builder: VisionBuilder) -> Result<VisionBuilder> {
        if self.cascade.is_none() && self.scale_factor.is_none() && self.min_neighbors.is_none() {
            return Ok(builder);
        }
        let mut detector = self.cascade.as_ref().map_or_else(ViolaJones::new, ViolaJones::open)?;
        if let Some(factor) = self.scale_factor {
            detector = detector.scale_factor(factor)?;
        }
        if let Some(neighbors) = self.min_neighbors {
            detector = detector.min_neighbors(neighbors);
        }
        Ok(builder.replace(detector))
    }
}

impl Requests {
    /// The `Vision` that the flags describe.
    pub fn vision(&self, builder: VisionBuilder) -> Result<Vision> {
        self.devices.apply(self.cascade.apply(builder)?)?.build()
    }

    /// The same with another default detector, one for the processor.
    pub fn with_default_detector(&self, name: &str) -> Self {
        let mut requests = self.clone();
        if self.devices.device != DeviceName::Gpu {
            requests.detector.get_or_insert_with(|| name.to_owned());
        }
        requests
    }

    /// The requests by name, with the flags for faces filled in.
    pub fn build(&self, vision: &Vision) -> Result<Vec<AnyRequest>> {
        self.requests.iter().map(|text| self.build_one(vision, text)).collect()
    }

    fn build_one(&self, vision: &Vision, text: &str) -> Result<AnyRequest> {
        let (name, parameters) = text.split_once(':').unwrap_or((text, "{}"));
        let mut parameters: Map<String, Value> = serde_json::from_str(parameters)
            .map_err(|e| Error::parameter(format!("--request {name}"), parameters, format!("a JSON object: {e}")))?;
        // Where the request looks for faces on its way, the flags are for that.
        let path: &[&str] = match name {
            DetectFaces::KIND => &[],
            DetectFaceLandmarks::KIND => &["find"],
            FaceQuality::KIND => &["landmarks", "find"],
            _ => return self.finish(vision, name, parameters),
        };
        if let Some(faces) = nested(&mut parameters, path) {
            self.add_flags(faces);
        }
        self.finish(vision, name, parameters)
    }

    fn finish(&self, vision: &Vision, name: &str, parameters: Map<String, Value>) -> Result<AnyRequest> {
        let request = vision.request(name, &Value::Object(parameters))?;
        self.devices.check(vision)?;
        // An unknown algorithm is a mistake in the command, not of each picture.
        vision.registry().select(&request)?;
        Ok(request)
    }

    /// Flags win over defaults, and parameters spelt out in JSON win over flags.
    fn add_flags(&self, parameters: &mut Map<String, Value>) {
        let flags = [
            ("algorithm", self.detector.as_ref().map(|v| json!(v))),
            ("threshold", self.min_confidence.map(|v| json!(v))),
            ("max_count", self.max_faces.map(|v| json!(v))),
            ("min_size", self.min_size.map(|v| json!(v))),
            ("max_size", self.max_size.map(|v| json!(v))),
            ("any_orientation", self.any_orientation.then_some(json!(true))),
            ("fine", self.fine.then_some(json!(true))),
            ("device", Some(json!(self.devices.device.of_request()))),
            ("region", self.region.as_ref().map(|v| json!(v))),
        ];
        for (name, value) in flags {
            if let Some(value) = value {
                parameters.entry(name).or_insert(value);
            }
        }
    }
}

/// The object at a path of keys, made where it is missing; `None` where something else stands there.
fn nested<'a>(parameters: &'a mut Map<String, Value>, path: &[&str]) -> Option<&'a mut Map<String, Value>> {
    path.iter().try_fold(parameters, |object, key| object.entry(*key).or_insert_with(|| json!({})).as_object_mut())
}

/// A number from 0 to 1, as clap reads it.
fn fraction(text: &str) -> std::result::Result<f32, String> {
    let inside = |v: &f32| (0.0..=1.0).contains(v);
    text.parse().ok().filter(inside).ok_or_else(|| "expected a number from 0 to 1".to_owned())
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  ocelli detect party.jpg
  ocelli detect --format jsonl photos/ > faces.jsonl
  ocelli detect --annotate boxes.png --max-faces 1 portrait.jpg
  ocelli detect --min-size 0.01 --annotate out/ crowd.jpg      small faces too
  ocelli detect --request faces --request landmarks --annotate points.png portrait.jpg

Exit status: 0 all pictures were read, 1 some failed (each is named on standard error), 2 wrong usage.")]
pub struct Detect {
    /// Pictures, and folders to search for pictures
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    #[command(flatten)]
    pub requests: Requests,
    /// How to print what was found
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Draw what was found on copies: a file for one picture, a folder for more
    #[arg(long, value_name = "FILE_OR_DIR")]
    pub annotate: Option<PathBuf>,
    #[command(flatten)]
    pub memory: Memory,
    /// Worker threads [default: one a core]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub threads: usize,
    /// No progress bar
    #[arg(long, short)]
    pub quiet: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub enum Format {
    /// For people
    Text,
    /// One array with an object a picture
    Json,
    /// One object a line and picture, written as soon as it is known
    Jsonl,
}

#[derive(Args, Debug)]
pub struct ListDevices {
    /// How to print them
    #[arg(long, value_enum, default_value_t = PlanFormat::Text)]
    pub format: PlanFormat,
}

#[derive(Args, Debug)]
pub struct Explain {
    /// Picture
    #[arg(value_name = "PATH")]
    pub path: PathBuf,
    #[command(flatten)]
    pub requests: Requests,
    /// How to print the plan
    #[arg(long, value_enum, default_value_t = PlanFormat::Text)]
    pub format: PlanFormat,
    #[command(flatten)]
    pub memory: Memory,
    /// Run it, and add real times, bytes and hits
    #[arg(long, conflicts_with = "arena")]
    pub analyze: bool,
    /// Show the working memory of the algorithms instead: every tensor's place, the bound, the arena
    #[arg(long)]
    pub arena: bool,
    /// Draw the arena's plan, time to the right and offset upwards
    #[arg(long, value_name = "FILE.svg", requires = "arena")]
    pub svg: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub enum PlanFormat {
    /// For people
    Text,
    /// For programs
    Json,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  ocelli explain-miss --at 120,40,30,36 party.jpg

Says which pyramid level or window covers the place, the best score near it, and the step that removed it: size range,
threshold, merging, region or count.")]
pub struct ExplainMiss {
    /// Picture
    #[arg(value_name = "PATH")]
    pub path: PathBuf,
    /// The face that you see: left, top, width, height in pixels of the upright picture
    #[arg(long, value_name = "X,Y,W,H", value_parser = rectangle)]
    pub at: PixelRect,
    #[command(flatten)]
    pub requests: Requests,
    /// How to print the account
    #[arg(long, value_enum, default_value_t = PlanFormat::Text)]
    pub format: PlanFormat,
}

/// A rectangle in pixels, as clap reads it.
fn rectangle(text: &str) -> std::result::Result<PixelRect, String> {
    let expected = || "expected left,top,width,height in pixels, such as 120,40,30,36".to_owned();
    let numbers: Vec<f64> =
        text.split(',').map(|v| v.trim().parse().map_err(|_| expected())).collect::<std::result::Result<_, _>>()?;
    match numbers[..] {
        [x, y, width, height] if numbers.iter().all(|v| v.is_finite()) && width > 0.0 && height > 0.0 => {
            Ok(PixelRect::new(x, y, width, height))
        }
        _ => Err(expected()),
    }
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  ocelli compare --data faces/dev.jsonl --detector deep --detector viola-jones --out report/
  ocelli compare --data wider_val/ --detector deep:min_size=0.01 --detections yunet.jsonl --out report/

Detectors run at a low threshold (0.0005 unless said otherwise), so that the whole curve is seen. Detections of others come
as JSON lines of `ocelli detect --format jsonl` or as COCO results. The table goes to standard output; with --out the
folder receives report.html (opens without a network), results.json (the same on every run) and timings.json.")]
pub struct Compare {
    /// Annotated pictures: our JSON lines, WIDER FACE, FDDB, COCO, Pascal VOC, YOLO or MIT+CMU; repeat for several
    #[arg(long, value_name = "SET", required = true)]
    pub data: Vec<PathBuf>,
    /// Format of the sets, where their content does not tell: jsonl wider fddb coco voc yolo cmu-mit
    #[arg(long, value_name = "FORMAT")]
    pub data_format: Option<String>,
    /// Folder of the pictures, where it is not beside the annotations
    #[arg(long, value_name = "DIR")]
    pub images: Option<PathBuf>,
    /// Take only pictures whose name contains this, such as a part of a set
    #[arg(long, value_name = "TEXT")]
    pub only: Option<String>,
    #[command(flatten)]
    pub cascade: Cascade,
    /// A detector of ours, with parameters of its request; repeat for several
    #[arg(long = "detector", value_name = "NAME[:KEY=VALUE,…]")]
    pub detectors: Vec<String>,
    /// Detections of another program; repeat for several
    #[arg(long, value_name = "FILE")]
    pub detections: Vec<PathBuf>,
    /// Write the report into this folder
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Worker threads [default: one a core]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub threads: usize,
    /// No progress bar
    #[arg(long, short)]
    pub quiet: bool,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  ocelli train-cascade --config training/cascade/faces.json --out models/face-cascade.json

The configuration names the pictures with and without the object and the goals of the stages; docs/viola-jones.md
explains every entry. A run that was interrupted goes on where its checkpoint stands.")]
pub struct TrainCascade {
    /// What to train on and towards, as JSON
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
    /// Where the cascade goes: ours, as JSON
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Worker threads [default: one a core]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub threads: usize,
}

#[cfg(test)]
mod tests {
    use super::byte_size;

    #[test]
    fn sizes_have_units() {
        assert_eq!(byte_size("64MiB"), Ok(64 << 20));
        assert_eq!(byte_size("1.5 GB"), Ok(1_500_000_000));
        assert_eq!(byte_size("4096"), Ok(4096));
        for wrong in ["", "MiB", "12 apples", "-3", "0", "1e40GiB"] {
            assert!(byte_size(wrong).is_err(), "{wrong}");
        }
    }
}
