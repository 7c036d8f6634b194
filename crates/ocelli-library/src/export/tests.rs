use super::*;
use crate::entry::{Answer, Entry, PictureInfo, Stamp};
use redb::{Durability, backends::InMemoryBackend};
use serde_json::{Value, json};

fn store() -> Store {
    let faces = vec![
        json!({"kind": "face", "confidence": 0.9, "pixels": [1.0, 2.0, 30.0, 40.5]}),
        json!({"kind": "face", "confidence": 0.5, "pixels": [100.0, 2.0, 10.0, 10.0]}),
    ];
    let answer = |observations| Answer { kind: "faces".into(), observations, incomplete: false, error: None };
    let picture = Some(PictureInfo { width: 640, height: 480, format: "JPEG".into() });
    let stamp = Stamp { bytes: 1234, modified: 5 };
    let read = |path: &str, observations| Entry {
        path: path.into(),
        stamp,
        hash: "ab".into(),
        picture: picture.clone(),
        answers: [("faces".to_owned(), answer(observations))].into(),
        ..Entry::default()
    };
    let bad = Entry {
        path: "/p/bad.jpg".into(),
        error: Some("the content is \"text\", no picture".into()),
        ..Entry::default()
    };
    let gone = Entry { gone: true, ..read("/p/gone.jpg", Vec::new()) };
    let entries = [read("/p/a.jpg", faces), read("/p/b, c.jpg", Vec::new()), bad, gone];
    let store = Store::in_backend(InMemoryBackend::new()).unwrap();
    store.write(Durability::Immediate, |tables| entries.iter().try_for_each(|entry| tables.put(entry))).unwrap();
    store
}

fn exported(format: Format) -> Vec<u8> {
    let mut bytes = Vec::new();
    let expected = if format == Format::Coco { 2 } else { 4 };
    assert_eq!(write(format, &store(), &mut bytes).unwrap(), expected);
    bytes
}

#[test]
fn export_csv_has_a_line_an_observation() {
    let expected = "\
image,width,height,bytes,hash,kind,confidence,x,y,box_width,box_height,error,gone
/p/a.jpg,640,480,1234,ab,face,0.9,1.0,2.0,30.0,40.5,,false
/p/a.jpg,640,480,1234,ab,face,0.5,100.0,2.0,10.0,10.0,,false
\"/p/b, c.jpg\",640,480,1234,ab,,,,,,,,false
/p/bad.jpg,,,0,,,,,,,,\"the content is \"\"text\"\", no picture\",false
/p/gone.jpg,640,480,1234,ab,,,,,,,,true
";
    assert_eq!(String::from_utf8(exported(Format::Csv)).unwrap(), expected);
}

#[test]
fn export_jsonl_has_a_line_an_entry() {
    let text = String::from_utf8(exported(Format::Jsonl)).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((lines.len(), &lines[0]["observations"][1]["confidence"]), (4, &json!(0.5)));
    assert_eq!((&lines[2]["error"], &lines[3]["gone"]), (&json!("the content is \"text\", no picture"), &json!(true)));
}

#[test]
fn export_coco_holds_what_can_be_seen() {
    let coco: Value = serde_json::from_slice(&exported(Format::Coco)).unwrap();
    let names: Vec<_> = coco["images"].as_array().unwrap().iter().map(|i| i["file_name"].as_str().unwrap()).collect();
    assert_eq!(names, ["/p/a.jpg", "/p/b, c.jpg"]);
    let boxes = coco["annotations"].as_array().unwrap();
    assert_eq!((boxes.len(), &boxes[0]["area"], &boxes[1]["image_id"]), (2, &json!(1215.0), &json!(1)));
    assert_eq!(coco["categories"], json!([{"id": 1, "name": "face"}]));
}

#[test]
fn export_of_an_empty_store_is_valid() {
    let store = Store::in_backend(InMemoryBackend::new()).unwrap();
    let mut bytes = Vec::new();
    assert_eq!(write(Format::Coco, &store, &mut bytes).unwrap(), 0);
    assert!(serde_json::from_slice::<Value>(&bytes).is_ok());
}

#[cfg(feature = "parquet")]
#[test]
fn export_parquet_reads_back() {
    use ::parquet::file::reader::{FileReader, SerializedFileReader};
    use ::parquet::record::RowAccessor;
    let reader = SerializedFileReader::new(bytes::Bytes::from(exported(Format::Parquet))).unwrap();
    let rows: Vec<_> = reader.get_row_iter(None).unwrap().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 5);
    assert_eq!((rows[0].get_string(0).unwrap().as_str(), rows[0].get_double(10).unwrap()), ("/p/a.jpg", 40.5));
    assert!(rows[2].get_double(6).is_err() && rows[4].get_bool(12).unwrap());
}
