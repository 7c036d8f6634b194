//! The report in a real browser: no console errors, and filters that filter.
//!
//! Needs Chromium (`apt-get install chromium`), found by name or through `OCELLI_CHROMIUM`; where there is none every
//! case is reported as ignored.

mod common;

use libtest_mimic::{Arguments, Failed, Trial};
use ocelli_eval::{Evaluation, Protocol, ReportOptions, Thumbnail, thumbnail_of_file};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

/// A page that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(120);

fn main() -> ExitCode {
    let browser = find_browser();
    let ignored = browser.is_none();
    let trial = |name: &str, case: fn(&Path) -> Result<(), Failed>| {
        let browser = browser.clone().unwrap_or_default();
        Trial::test(name, move || case(&browser)).with_ignored_flag(ignored)
    };
    let trials = vec![
        trial("console_check_notices_an_error", console_check_notices_an_error),
        trial("report_opens_without_console_messages", report_opens_without_console_messages),
        trial("filters_show_what_they_say", filters_show_what_they_say),
        trial("names_cannot_become_markup", names_cannot_become_markup),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn find_browser() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("OCELLI_CHROMIUM") {
        return Some(PathBuf::from(path));
    }
    let folders: Vec<PathBuf> = std::env::split_paths(&std::env::var_os("PATH")?).collect();
    let names = ["chromium", "chromium-browser", "google-chrome"];
    names.iter().flat_map(|name| folders.iter().map(move |f| f.join(name))).find(|path| path.is_file())
}

/// A page after its script ran, and what it said on the console.
struct Page {
    dom: String,
    console: Vec<String>,
}

fn open(browser: &Path, url: &str) -> Result<Page, Failed> {
    let folder = tempfile::tempdir()?;
    let (dom, log) = (folder.path().join("dom.html"), folder.path().join("log.txt"));
    let flags = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking \
                 --disable-component-update --disable-sync --disable-dev-shm-usage --enable-logging=stderr \
                 --virtual-time-budget=5000 --dump-dom";
    let mut child = Command::new(browser)
        .args(flags.split_whitespace())
        .arg(format!("--user-data-dir={}", folder.path().join("profile").display()))
        .arg(url)
        .stdin(Stdio::null())
        .stdout(File::create(&dom)?)
        .stderr(File::create(&log)?)
        .spawn()?;
    let start = Instant::now();
    while child.try_wait()?.is_none() {
        if start.elapsed() > PATIENCE {
            child.kill()?;
            child.wait()?;
            return Err(format!("{url} hangs: {}", fs::read_to_string(&log)?).into());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let dom = fs::read_to_string(&dom)?;
    if !dom.contains("</html>") {
        return Err(format!("{url} gives no page: {}", fs::read_to_string(&log)?).into());
    }
    let log = String::from_utf8_lossy(&fs::read(&log)?).into_owned();
    let console = log.lines().filter(|l| l.contains("CONSOLE")).map(str::to_owned).collect();
    Ok(Page { dom, console })
}

/// Writes grey pictures and the report on them; the folder goes with the first value.
fn report() -> Result<(tempfile::TempDir, Evaluation, String), Failed> {
    let folder = tempfile::tempdir()?;
    for picture in common::pictures() {
        let grey = |x: u32, y: u32| image::Rgb([(x + y) as u8 / 2 + 40; 3]);
        image::RgbImage::from_fn(common::SIDE, common::SIDE, grey).save(folder.path().join(&picture.name))?;
    }
    let evaluation = common::comparison(Some(folder.path())).evaluate(&Protocol::default());
    let small =
        |p: &ocelli_eval::PictureComparison, side| -> Option<Thumbnail> { thumbnail_of_file(p.path.as_deref()?, side) };
    evaluation.write_report(folder.path(), &ReportOptions::default(), small)?;
    let url = format!("file://{}", folder.path().join("report.html").display());
    Ok((folder, evaluation, url))
}

fn cards(dom: &str) -> Vec<&str> {
    dom.split("<figure ").skip(1).filter(|f| f.starts_with("class=\"card")).collect()
}

fn shown(dom: &str) -> usize {
    let head = |card: &&str| card.split('>').next().is_some_and(|tag| !tag.contains("hidden"));
    cards(dom).into_iter().filter(head).count()
}

fn equal<T: PartialEq + std::fmt::Debug>(what: &str, ours: T, expected: T) -> Result<(), Failed> {
    if ours == expected { Ok(()) } else { Err(format!("{what}: {ours:?}, expected {expected:?}").into()) }
}

fn console_check_notices_an_error(browser: &Path) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("bad.html");
    fs::write(&path, "<html><body><script>undefinedName();</script></body></html>")?;
    let page = open(browser, &format!("file://{}", path.display()))?;
    equal("errors noticed", page.console.is_empty(), false)
}

fn report_opens_without_console_messages(browser: &Path) -> Result<(), Failed> {
    let (_folder, evaluation, url) = report()?;
    let page = open(browser, &url)?;
    equal("console", page.console, Vec::new())?;
    equal("cards", shown(&page.dom), evaluation.pictures.len())?;
    equal("pictures", page.dom.matches("src=\"data:image/jpeg;base64,").count(), evaluation.pictures.len())?;
    equal("plots", page.dom.matches("class=\"plot\"").count(), 5)?;
    equal("links out", page.dom.contains("href=\"http") || page.dom.contains("src=\"http"), false)
}

fn filters_show_what_they_say(browser: &Path) -> Result<(), Failed> {
    let (_folder, evaluation, url) = report()?;
    let count = |with: &dyn Fn(&ocelli_eval::PictureComparison) -> usize| {
        evaluation.pictures.iter().filter(|p| with(p) > 0).count()
    };
    let expected = [
        ("missed-0", count(&|p| p.missed(0))),
        ("missed-1", count(&|p| p.missed(1))),
        ("only-0", count(&|p| p.only(0))),
        ("only-1", count(&|p| p.only(1))),
        ("alarms-0", count(&|p| p.false_alarms(0))),
        ("alarms-1", count(&|p| p.false_alarms(1))),
    ];
    let distinct: std::collections::BTreeSet<usize> = expected.iter().map(|e| e.1).collect();
    equal("cases differ", distinct.len() > 1, true)?;
    for (filter, expected) in expected {
        let page = open(browser, &format!("{url}#{filter}"))?;
        equal(filter, shown(&page.dom), expected)?;
        equal("the number told", page.dom.contains(&format!("<output id=\"count\">{expected}</output>")), true)?;
        equal("console", page.console, Vec::new())?;
    }
    Ok(())
}

fn names_cannot_become_markup(browser: &Path) -> Result<(), Failed> {
    let (folder, _evaluation, url) = report()?;
    let source = fs::read_to_string(folder.path().join("report.html"))?;
    equal("raw name in the source", source.contains("beta <2>"), false)?;
    let page = open(browser, &url)?;
    equal("name on the page", page.dom.contains("missed by beta &lt;2&gt;"), true)
}
