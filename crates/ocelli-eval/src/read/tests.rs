//! Good and bad files of every format.

use super::*;
use crate::Oddity;
use ocelli_core::PixelRect;
use proptest::prelude::*;
use std::fs;
use tempfile::TempDir;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/wider")
}

/// A folder with these files; what ends in .png is a picture of 200 × 100 pixels.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        if name.ends_with(".png") {
            image::RgbImage::new(200, 100).save(&path).unwrap();
        } else {
            fs::write(&path, text).unwrap();
        }
    }
    folder
}

fn rects(set: &DataSet, picture: usize) -> Vec<PixelRect> {
    set.pictures[picture].truths().iter().map(|t| t.rect).collect()
}

fn error(name: &str, text: &str, format: Format) -> String {
    let folder = folder(&[(name, text)]);
    let options = ReadOptions { format: Some(format), ..ReadOptions::new() };
    DataSet::read(folder.path().join(name), &options).unwrap_err().to_string()
}

#[test]
fn jsonl_is_read() {
    let text = r#"{"image": "a.png", "set": "s", "width": 200, "height": 100, "faces": [[1, 2, 30, 40]], "ignore": [[5, 5, 9, 9]], "complete": false}
{"image": "b.png", "width": 10, "height": 10, "faces": null}
{"image": "c.png", "faces": []}"#;
    let folder = folder(&[("dev.jsonl", text), ("a.png", "")]);
    let mut set = DataSet::open(folder.path().join("dev.jsonl")).unwrap();
    assert_eq!((set.name.as_str(), set.format), ("dev", Format::Jsonl));
    assert_eq!(rects(&set, 0), [PixelRect::new(1.0, 2.0, 30.0, 40.0)]);
    assert!(!set.pictures[0].complete && set.pictures[0].ignore.len() == 1);
    assert_eq!(set.pictures[1].truths, None);
    assert_eq!(set.pictures[2].truths, Some(vec![]));
    set.keep_pictures_on_disk();
    assert_eq!(set.pictures.len(), 1);
    assert_eq!(set.warnings.count(Oddity::AnnotationWithoutPicture), 2);
}

#[test]
fn wider_text_is_read() {
    let text =
        "0--Parade/a.png\n2\n10 20 30 40 0 0 0 0 0 0\n1 2 3 4 2 0 0 1 2 0\n0--Parade/b.png\n0\n0 0 0 0 0 0 0 0 0 0\n";
    let folder = folder(&[("split/wider_face_val_bbx_gt.txt", text), ("images/0--Parade/a.png", "")]);
    let set = DataSet::open(folder.path().join("split/wider_face_val_bbx_gt.txt")).unwrap();
    assert_eq!(set.format, Format::Wider);
    assert_eq!(set.pictures.len(), 2);
    assert!(set.pictures[0].truths()[1].ignored && set.pictures[0].path.is_some());
    assert_eq!(set.pictures[1].truths(), []);
    assert_eq!(set.pictures[0].group.as_deref(), Some("0--Parade"));
}

#[test]
fn wider_matlab_files_are_read_packed_and_plain() {
    for name in ["wider_face_val.mat", "wider_face_plain_val.mat"] {
        let set = DataSet::open(fixtures().join(name)).unwrap();
        assert_eq!(set.pictures.len(), 3, "{name}");
        assert_eq!(set.pictures[0].name, "0--Parade/0_Parade_a_1.jpg");
        let expected = [PixelRect::new(10.0, 20.0, 30.0, 40.0), PixelRect::new(100.0, 50.0, 12.0, 15.0)];
        assert_eq!(rects(&set, 0), expected);
        assert_eq!(rects(&set, 1), [PixelRect::new(5.5, 6.0, 7.0, 8.0)]);
        let levels: Vec<_> = set.pictures.iter().flat_map(|p| p.truths()).map(|t| t.levels.unwrap()).collect();
        let told: Vec<_> = levels.iter().map(|l| (l.easy, l.medium, l.hard)).collect();
        assert_eq!(told, [(true, true, true), (false, false, true), (false, true, true)]);
    }
}

#[test]
fn fddb_folds_are_read() {
    let text = "2002/07/19/big/img_1\n1\n30.0 20.0 1.5707963 50.0 60.0  1\n2002/07/19/big/img_2\n0\n";
    let files = [("FDDB-folds/FDDB-fold-01-ellipseList.txt", text), ("originalPics/2002/07/19/big/img_1.png", "")];
    let folder = folder(&files);
    let set = DataSet::open(folder.path().join("FDDB-folds")).unwrap();
    assert_eq!((set.format, set.pictures.len()), (Format::Fddb, 2));
    let rect = rects(&set, 0)[0];
    assert!((rect.width - 40.0).abs() < 1e-3 && (rect.height - 60.0).abs() < 1e-3, "{rect:?}");
    assert!(set.pictures[0].path.is_some());
    let one = DataSet::open(folder.path().join("FDDB-folds/FDDB-fold-01-ellipseList.txt")).unwrap();
    assert_eq!(one.pictures.len(), 2);
}

#[test]
fn coco_is_read() {
    let text = r#"{"images": [{"id": 7, "file_name": "a.png", "width": 200, "height": 100}],
        "annotations": [{"id": 1, "image_id": 7, "category_id": 1, "bbox": [1, 2, 3, 4], "area": 9.5, "iscrowd": 0},
                        {"id": 2, "image_id": 7, "category_id": 1, "bbox": [50, 2, 30, 40], "iscrowd": 1},
                        {"id": 3, "image_id": 7, "category_id": 2, "bbox": [1, 2, 3, 4]},
                        {"id": 4, "image_id": 8, "category_id": 1, "bbox": [1, 2, 3, 4]}],
        "categories": [{"id": 1, "name": "face"}, {"id": 2, "name": "dog"}]}"#;
    let folder = folder(&[("instances_val.json", text)]);
    let options = ReadOptions { classes: vec!["face".into()], ..ReadOptions::new() };
    let set = DataSet::read(folder.path().join("instances_val.json"), &options).unwrap();
    assert_eq!((set.format, set.pictures[0].id), (Format::Coco, Some(7)));
    assert_eq!(set.pictures[0].truths()[0].stated_area, Some(9.5));
    assert_eq!(set.pictures[0].ignore, [PixelRect::new(50.0, 2.0, 30.0, 40.0)]);
    assert_eq!(set.warnings.count(Oddity::OtherClass), 1);
    assert_eq!(set.warnings.count(Oddity::AnnotationWithoutPicture), 1);
}

#[test]
fn voc_is_read() {
    let text = "<annotation><filename>a.png</filename><size><width>200</width><height>100</height></size>
        <object><name>face</name><difficult>0</difficult><bndbox><xmin>11</xmin><ymin>21</ymin><xmax>30</xmax><ymax>60</ymax></bndbox></object>
        <object><name>face</name><difficult>1</difficult><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>5</xmax><ymax>5</ymax></bndbox></object>
        </annotation>";
    let folder = folder(&[("Annotations/a.xml", text), ("JPEGImages/a.png", ""), ("JPEGImages/b.png", "")]);
    let set = DataSet::open(folder.path().join("Annotations")).unwrap();
    assert_eq!(set.format, Format::Voc);
    assert_eq!(rects(&set, 0)[0], PixelRect::new(10.0, 20.0, 20.0, 40.0));
    assert!(set.pictures[0].truths()[1].ignored);
    assert_eq!((set.pictures[1].name.as_str(), &set.pictures[1].truths), ("b.png", &None));
}

#[test]
fn yolo_is_read() {
    let files = [
        ("labels/a.txt", "0 0.5 0.5 0.1 0.4\n1 0.5 0.5 1 1\n"),
        ("labels/b.txt", ""),
        ("labels/classes.txt", "face\n"),
        ("images/a.png", ""),
        ("images/b.png", ""),
        ("images/c.png", ""),
    ];
    let folder = folder(&files);
    let options = ReadOptions { classes: vec!["0".into()], ..ReadOptions::new() };
    let set = DataSet::read(folder.path(), &options).unwrap();
    assert_eq!((set.format, set.pictures.len()), (Format::Yolo, 3));
    assert_eq!(rects(&set, 0), [PixelRect::new(90.0, 30.0, 20.0, 40.0)]);
    assert_eq!(set.pictures[1].truths, Some(vec![]));
    assert_eq!(set.pictures[2].truths, None);
    assert_eq!(set.warnings.count(Oddity::OtherClass), 1);
}

#[test]
fn cmu_mit_lists_are_read() {
    let points = "a.gif 40 50 60 50 50 60 42 70 50 70 58 70\na.gif 140 50 160 50 150 60 142 70 150 70 158 70\n";
    let boxes = r#"{"image": "a.png", "width": 9, "height": 9, "faces_tight": [[1, 1, 2, 2]], "faces_head": [[0, 0, 4, 4]], "landmarks6": []}"#;
    let folder = folder(&[("list.txt", points), ("boxes.jsonl", boxes)]);
    let set = DataSet::open(folder.path().join("list.txt")).unwrap();
    assert_eq!((set.format, set.pictures.len(), set.pictures[0].truths().len()), (Format::CmuMit, 1, 2));
    let head = rects(&set, 0)[0];
    assert!((head.x + head.width / 2.0 - 50.0).abs() < 1e-9 && head.y < 40.0 && head.y + head.height > 75.0);
    let tight = ReadOptions { cmu_box: CmuBox::Tight, ..ReadOptions::new() };
    assert!(rects(&DataSet::read(folder.path().join("list.txt"), &tight).unwrap(), 0)[0].width < head.width);
    let path = folder.path().join("boxes.jsonl");
    assert_eq!(rects(&DataSet::open(&path).unwrap(), 0)[0].width, 4.0);
    assert_eq!(rects(&DataSet::read(&path, &tight).unwrap(), 0)[0].width, 2.0);
}

#[test]
fn errors_name_file_and_line() {
    let cases = [
        (
            "x.jsonl",
            "{\"image\": \"a\", \"faces\": []}\n{\"image\": \"b\", \"faces\": [[1, 2, 3]]}",
            Format::Jsonl,
            "x.jsonl:2: ",
        ),
        ("x.jsonl", "{\"image\": \"b\", \"faces\": [[1, 2, 3, NaN]]}", Format::Jsonl, "x.jsonl:1: "),
        (
            "x.jsonl",
            "{\"image\": \"b\", \"faces\": [[1, 2, 3, 1e999]]}",
            Format::Jsonl,
            "x.jsonl:1: number out of range",
        ),
        ("x.txt", "a.jpg\n2\n1 2 3 4\n", Format::Wider, "x.txt:2: the file ends"),
        ("x.txt", "a.jpg\none\n", Format::Wider, "x.txt:2: \"one\" is not a number of faces"),
        ("x.txt", "a.jpg\n1\n1 2 3 inf 0 0 0 0 0 0\n", Format::Wider, "x.txt:3: \"inf\" is not a finite number"),
        ("x.txt", "a.jpg\n1\n1 2 3 4\n5 6 7 8 9\n", Format::Wider, "x.txt:4: a box where"),
        ("x.txt", "a\n1\n1 2 3\n", Format::Fddb, "x.txt:3: 3 numbers"),
        ("x.txt", "a\n1\n0 2 3 4 5 1\n", Format::Fddb, "x.txt:3: a radius"),
        ("x.json", "{\"images\": [\n{\"id\": \"x\"}]}", Format::Coco, "x.json:2: "),
        ("x.xml", "<annotation>\n<object>\n</annotation>", Format::Voc, "x.xml:3: "),
        (
            "x.xml",
            "<annotation>\n<object><name>a</name></object></annotation>",
            Format::Voc,
            "x.xml:2: <object> has no <bndbox>",
        ),
        ("x.xml", "<html></html>", Format::Voc, "x.xml:1: <html>"),
        ("x.txt", "a.gif 1 2 3\n", Format::CmuMit, "x.txt:1: expected a picture and six points"),
    ];
    for (name, text, format, expected) in cases {
        let message = error(name, text, format);
        assert!(message.contains(expected), "{expected} is not in {message}");
    }
    let yolo = folder(&[("labels/a.txt", "0 0.5 0.5 0.1 0.1\n0 50 50 10 10\n"), ("images/a.png", "")]);
    let message = DataSet::open(yolo.path()).unwrap_err().to_string();
    assert!(message.contains("a.txt:2: values are not fractions"), "{message}");
}

#[test]
fn large_and_unknown_files_are_refused() {
    let folder = folder(&[("big.jsonl", &"x".repeat(5000)), ("poem.txt", "roses are red\nviolets are blue\n")]);
    let limits = Limits { max_file_bytes: 4096, ..Limits::default() };
    let options = ReadOptions { limits, format: Some(Format::Jsonl), ..ReadOptions::new() };
    let error = DataSet::read(folder.path().join("big.jsonl"), &options).unwrap_err();
    assert!(matches!(error, Error::Limits { value: 5000, limit: 4096, .. }), "{error}");
    // A sparse file of 2 GB: refused by its size, not read.
    let film = folder.path().join("film.jsonl");
    fs::File::create(&film).unwrap().set_len(2 << 30).unwrap();
    let options = ReadOptions { format: Some(Format::Jsonl), ..ReadOptions::new() };
    assert!(matches!(DataSet::read(&film, &options), Err(Error::Limits { .. })));
    let error = DataSet::open(folder.path().join("poem.txt")).unwrap_err();
    assert!(matches!(error, Error::UnknownFormat { .. }) && error.to_string().contains("wider"), "{error}");
    assert!(matches!(DataSet::open(folder.path().join("none.txt")), Err(Error::Io { .. })));
    assert!("bmp".parse::<Format>().is_err());
    let bomb = Limits { max_unpacked_bytes: 200, ..Limits::default() };
    let options = ReadOptions { limits: bomb, ..ReadOptions::new() };
    assert!(matches!(DataSet::read(fixtures().join("wider_face_val.mat"), &options), Err(Error::Limits { .. })));
}

#[test]
fn detections_of_other_programs_are_read() {
    let lines = r#"{"image":"a.png","width":9,"height":9,"observations":[{"kind":"face","confidence":0.9,"pixels":[1,2,3,4]},{"confidence":null,"pixels":[1,2,3,4]},{"confidence":0.5,"pixels":[1,2,0,4]}]}
{"image":"a.png","observations":[]}
{"image":"b.png","error":"not readable"}"#;
    let coco = r#"[{"image_id": 3, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5},
        {"image_id": "x/y.png", "bbox": [1, 2, 3, 4], "score": 0.25}, {"image_id": 3, "bbox": [1, 2, 3, 4], "score": 0.75}]"#;
    let folder = folder(&[("ours.jsonl", lines), ("theirs.json", coco), ("bad.jsonl", "{\"image\": \"a\"}")]);
    let ours = ForeignDetections::read(folder.path().join("ours.jsonl"), &Limits::default()).unwrap();
    assert_eq!((ours.name.as_str(), ours.entries.len()), ("ours", 2));
    assert_eq!(ours.entries[0].outcome.as_ref().unwrap().len(), 1);
    assert_eq!(ours.entries[1].outcome.as_ref().unwrap_err(), "not readable");
    for oddity in [Oddity::NonFiniteScore, Oddity::BadDetection, Oddity::DuplicateName] {
        assert_eq!(ours.warnings.count(oddity), 1, "{oddity:?}");
    }
    let theirs = ForeignDetections::read(folder.path().join("theirs.json"), &Limits::default()).unwrap();
    assert_eq!(theirs.entries[0].key, PictureKey::Id(3));
    assert_eq!(theirs.entries[0].outcome.as_ref().unwrap().len(), 2);
    assert_eq!(theirs.entries[1].key, PictureKey::Name("x/y.png".into()));
    let error = ForeignDetections::read(folder.path().join("bad.jsonl"), &Limits::default()).unwrap_err();
    assert!(error.to_string().contains("bad.jsonl:1: missing field `observations`"), "{error}");
}

#[test]
fn names_do_not_lead_out_of_the_folder() {
    let text = "{\"image\": \"../secret.png\", \"faces\": []}\n{\"image\": \"/etc/hostname\", \"faces\": []}";
    let folder = folder(&[("sub/x.jsonl", text), ("secret.png", "")]);
    let set = DataSet::open(folder.path().join("sub/x.jsonl")).unwrap();
    assert!(set.pictures.iter().all(|p| p.path.is_none()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn damaged_matlab_files_are_no_panic(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4), cut in any::<prop::sample::Index>(), plain in any::<bool>()) {
        let name = if plain { "wider_face_plain_val.mat" } else { "wider_face_val.mat" };
        let mut bytes = fs::read(fixtures().join(name)).unwrap();
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        let length = cut.index(bytes.len() * 2).min(bytes.len());
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wider_face_test.mat");
        fs::write(&path, &bytes[..length]).unwrap();
        let options = ReadOptions { format: Some(Format::Wider), ..ReadOptions::new() };
        let _ = DataSet::read(&path, &options);
    }

    #[test]
    fn arbitrary_text_is_no_panic(text in "[ -~\n]{0,200}", which in 0..Format::ALL.len()) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.txt");
        fs::write(&path, text).unwrap();
        let options = ReadOptions { format: Some(Format::ALL[which]), ..ReadOptions::new() };
        let _ = DataSet::read(&path, &options);
        let _ = DataSet::open(&path);
        let _ = ForeignDetections::read(&path, &Limits::default());
    }
}
