//! Runs another engine on demand: `ocelli-peers rten|tract MODEL.onnx HEIGHT WIDTH LEVELS`.
//!
//! Protocol as `engine-peer`: each line on standard input is answered by the nanoseconds of one run
//! over all octave levels. Threads: rten reads `RTEN_NUM_THREADS`; tract runs on one.

use std::io::{BufRead, Write};
use std::time::Instant;

use anyhow::{Context, bail};
use rten_tensor::prelude::AsView;
use tract_onnx::prelude::*;

type Run = Box<dyn FnMut() -> anyhow::Result<()>>;

fn main() -> anyhow::Result<()> {
    let flags: Vec<String> = std::env::args().skip(1).collect();
    let [engine, model, height, width, levels] = &flags[..] else {
        bail!("usage: ocelli-peers rten|tract MODEL.onnx HEIGHT WIDTH LEVELS");
    };
    let (height, width): (usize, usize) = (height.parse()?, width.parse()?);
    let sides: Vec<[usize; 2]> =
        (0..levels.parse()?).map(|level: usize| [(height >> level).max(1), (width >> level).max(1)]).collect();
    let mut runs: Vec<Run> = match engine.as_str() {
        "rten" => rten_runs(model, &sides)?,
        "tract" => sides.iter().map(|&side| tract_run(model, side)).collect::<anyhow::Result<_>>()?,
        other => bail!("no engine {other}"),
    };
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        line?;
        let start = Instant::now();
        for run in &mut runs {
            run()?;
        }
        writeln!(out, "{}", start.elapsed().as_nanos())?;
        out.flush()?;
    }
    Ok(())
}

/// A normalized picture `[1, 3, height, width]`: noise from -1 to 1.
fn picture([height, width]: [usize; 2]) -> Vec<f32> {
    let mut state = 0x9e37_79b9_u32;
    let noise = |_| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as f32 / u32::MAX as f32 * 2.0 - 1.0
    };
    (0..3 * height * width).map(noise).collect()
}

fn rten_runs(path: &str, sides: &[[usize; 2]]) -> anyhow::Result<Vec<Run>> {
    let model = std::sync::Arc::new(rten::Model::load_file(path)?);
    let input = *model.input_ids().first().context("no input")?;
    let outputs = model.output_ids().to_vec();
    let run = |&[height, width]: &[usize; 2]| -> Run {
        let picture = rten_tensor::NdTensor::from_data([1, 3, height, width], picture([height, width]));
        let (model, outputs) = (model.clone(), outputs.clone());
        Box::new(move || {
            std::hint::black_box(model.run(vec![(input, picture.view().into())], &outputs, None)?);
            Ok(())
        })
    };
    Ok(sides.iter().map(run).collect())
}

fn tract_run(path: &str, [height, width]: [usize; 2]) -> anyhow::Result<Run> {
    let fact = InferenceFact::dt_shape(DatumType::F32, [1, 3, height, width]);
    let plan = tract_onnx::onnx().model_for_path(path)?.with_input_fact(0, fact)?.into_optimized()?.into_runnable()?;
    let picture = Tensor::from_shape(&[1, 3, height, width], &picture([height, width]))?;
    Ok(Box::new(move || {
        std::hint::black_box(plan.run(tvec!(picture.clone().into_tvalue()))?);
        Ok(())
    }))
}
