//! A CloudEvent that has all in its payload (structured mode, the JSON format).

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;

use super::{by_media_type, from_json, malformed, raw};
use crate::{
    decode::{Refusal, RefusalReason},
    proto::baocao::v1 as pb,
};

/// What the notation is called when it is not as it should be.
const NOTATION: &str = "CloudEvents";

/// An event. What an extension says is passed over.
#[derive(Deserialize)]
struct Event {
    specversion: String,
    id: String,
    source: String,
    r#type: String,
    time: Option<String>,
    datacontenttype: Option<String>,
    data: Option<Value>,
    data_base64: Option<String>,
}

/// The submission in an event. Its data is what the payload is without an event around it: a
/// `ReportSubmission`, or a document of the media type that `datacontenttype` says.
pub fn read(payload: &[u8]) -> Result<pb::ReportSubmission, Refusal> {
    let event: Event = serde_json::from_slice(payload).map_err(|_| malformed(NOTATION))?;
    let is_whole = [&event.id, &event.source, &event.r#type]
        .iter()
        .all(|attribute| !attribute.is_empty());
    if !is_whole || !event.specversion.starts_with("1.") {
        return Err(malformed(NOTATION));
    }
    let mut submission = data(&event)?;
    submission.submission_id = event.id;
    submission.source = event.source;
    if let Some(time) = event.time {
        let time = time.parse().map_err(|_| malformed(NOTATION))?;
        submission.submitted_at = Some(time);
    }
    Ok(submission)
}

/// What the event carries.
fn data(event: &Event) -> Result<pb::ReportSubmission, Refusal> {
    let said = event.datacontenttype.as_deref().unwrap_or_default();
    let is_json = said.is_empty() || said.split(';').next().is_some_and(|said| said.trim().ends_with("json"));
    match (&event.data, &event.data_base64) {
        (None | Some(Value::Null), None) => Err(Refusal::new(
            RefusalReason::Empty,
            "sự kiện không có dữ liệu",
            "the event has no data",
        )),
        (None, Some(base64)) => {
            let content = STANDARD.decode(base64).map_err(|_| malformed(NOTATION))?;
            by_media_type(said, &Bytes::from(content))
        }
        // A text as a JSON string, whatever it is a text of.
        (Some(Value::String(text)), None) => {
            let text = Bytes::from(text.clone());
            Ok(raw(if is_json { "" } else { said.trim() }, &text))
        }
        (Some(object @ Value::Object(_)), None) if is_json => from_json(object.to_string().as_bytes()),
        _ => Err(malformed(NOTATION)),
    }
}

#[cfg(test)]
mod tests {
    use prost::Message;
    use serde_json::json;

    use super::*;

    const TEXT: &str = "ỦY BAN NHÂN DÂN\nBÁO CÁO\nKết quả công tác quý I năm 2024";

    fn event(more: Value) -> Vec<u8> {
        let mut event = json!({
            "specversion": "1.0",
            "id": "bc quý 1",
            "source": "/qlvb/stp",
            "type": "vn.qlvb.report.issued",
            "time": "2024-04-05T01:02:03Z",
            "extension": 7,
        });
        for (name, value) in more.as_object().unwrap() {
            event[name] = value.clone();
        }
        event.to_string().into_bytes()
    }

    #[test]
    fn data_comes_in_many_ways_and_says_the_same() {
        let message = pb::ReportSubmission {
            content: TEXT.into(),
            media_type: "text/plain".into(),
            submission_id: "another".into(),
            ..Default::default()
        };
        let json: Value = serde_json::from_str(&crate::wire::to_json(&message, false).unwrap()).unwrap();
        for more in [
            json!({ "data": TEXT, "datacontenttype": "text/plain" }),
            json!({ "data": TEXT }),
            json!({ "data": json }),
            json!({ "data": json, "datacontenttype": "application/json" }),
            json!({ "data_base64": STANDARD.encode(TEXT), "datacontenttype": "text/plain" }),
            json!({ "data_base64": STANDARD.encode(message.encode_to_vec()), "datacontenttype": "application/protobuf" }),
            json!({ "data_base64": STANDARD.encode(message.encode_to_vec()) }),
        ] {
            let read = read(&event(more.clone())).unwrap_or_else(|refusal| panic!("{more}: {refusal:?}"));
            assert_eq!(read.content, TEXT.as_bytes(), "{more}");
            assert_eq!(read.submission_id, "bc quý 1", "{more}");
            assert_eq!(read.source, "/qlvb/stp");
            assert_eq!(
                read.submitted_at.map(|time| time.to_string()).as_deref(),
                Some("2024-04-05T01:02:03Z")
            );
        }
    }

    #[test]
    fn what_is_no_event_is_refused() {
        for more in [
            json!({ "specversion": "0.3", "data": TEXT }),
            json!({ "id": "", "data": TEXT }),
            json!({ "source": "", "data": TEXT }),
            json!({ "type": "", "data": TEXT }),
            json!({ "time": "yesterday", "data": TEXT }),
            json!({ "data": [1, 2] }),
            json!({ "data": { "a": 1 }, "datacontenttype": "text/plain" }),
            json!({ "data": TEXT, "data_base64": "YQ==" }),
            json!({ "data_base64": "no base 64" }),
        ] {
            let reason = read(&event(more.clone())).map_err(|refusal| refusal.reason);
            assert_eq!(reason, Err(RefusalReason::Malformed), "{more}");
        }
        assert_eq!(
            read(b"[]").map_err(|refusal| refusal.reason),
            Err(RefusalReason::Malformed)
        );
        let empty = read(&event(json!({})));
        assert_eq!(empty.map_err(|refusal| refusal.reason), Err(RefusalReason::Empty));
    }
}
