//! The golden events are the examples in `docs/EVENTS.md`, word for word.

use std::fs;
use std::path::Path;

#[test]
fn every_golden_event_stands_in_the_documentation() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let events = fs::read_to_string(folder.join("../docs/EVENTS.md")).expect("it can be read");
    for entry in fs::read_dir(folder.join("golden")).expect("the folder is there") {
        let path = entry.expect("it can be listed").path();
        let text = fs::read_to_string(&path).expect("it can be read");
        let example = format!("```json\n{}\n```", text.trim_end());
        assert!(events.contains(&example), "{} is not there as it is", path.display());
        let name = path.file_name().and_then(|name| name.to_str()).expect("UTF-8");
        let (event_type, _) = name.split_once(".v1.").expect("named by type and version");
        assert!(events.contains(&format!("\n## {event_type} (version 1")), "{event_type}");
    }
}
