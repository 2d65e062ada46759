//! Headers: CloudEvents (NATS binding, binary mode) and W3C trace context, in and out.

use std::{borrow::Cow, time::SystemTime};

use async_nats::{HeaderMap, HeaderValue, header};
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

use super::publish::{headers, set};

/// Media type of the payload.
pub const CONTENT_TYPE: &str = "Content-Type";
/// Media type of protobuf messages.
pub const PROTOBUF: &str = "application/protobuf";
/// Media type of canonical proto3 JSON.
pub const JSON: &str = "application/json";

/// Media types of an event that has all in its payload (structured mode).
const EVENTS: [&str; 2] = ["application/cloudevents+json", "application/cloudevents"];

/// Says what the data of an event is, beside `Content-Type`: the binding of CloudEvents to NATS keeps
/// that for telling the modes apart.
pub const DATA_CONTENT_TYPE: &str = "ce-datacontenttype";

/// What the value of an attribute may not hold as a header, beside what is not ASCII.
const UNSAFE: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'%');

/// Says of a message that is handed in again which dead letter it is, by the letter's sequence.
pub const REPLAY_OF: &str = "Baocao-Replay-Of";

/// Value of [`STATUS`](super::publish::STATUS) of a result whose report was read.
pub const PROCESSED: &str = "processed";
/// Value of [`STATUS`](super::publish::STATUS) of a result whose report was refused.
pub const REFUSED: &str = "refused";

/// Value of [`STATUS`](super::publish::STATUS) of a report that waits to be validated.
pub const EXTRACTED: &str = "extracted";

/// Says of a dead letter where its content is, if it is not in it: "object", name and size, or
/// [`OMITTED`].
pub const DEAD_PAYLOAD: &str = "Baocao-Dead-Payload";
/// The content of a dead letter is nowhere.
pub const OMITTED: &str = "omitted";

const TRACEPARENT: &str = "traceparent";
const TRACESTATE: &str = "tracestate";

/// The value of a header, if it is there and not blank. Names are compared without case, since
/// senders in other languages write them as they like.
pub fn get<'h>(headers: Option<&'h HeaderMap>, name: &str) -> Option<&'h str> {
    let headers = headers?;
    let exact = headers.get(name);
    let value = exact.or_else(|| {
        headers
            .iter()
            .find(|(key, _)| AsRef::<[u8]>::as_ref(key).eq_ignore_ascii_case(name.as_bytes()))
            .and_then(|(_, values)| values.first())
    });
    value
        .map(HeaderValue::as_str)
        .map(str::trim)
        .filter(|value| !value.is_empty())
}

/// An attribute of an event ("ce-id"), percent-decoded.
pub fn attribute<'h>(incoming: Option<&'h HeaderMap>, name: &str) -> Option<Cow<'h, str>> {
    let value = get(incoming, name)?;
    // What is not encoded text is taken as it is.
    Some(percent_decode_str(value).decode_utf8().unwrap_or(Cow::Borrowed(value)))
}

/// Sets an attribute of an event, percent-encoded.
pub fn set_attribute(headers: &mut HeaderMap, name: &str, value: &str) {
    set(headers, name, &Cow::from(utf8_percent_encode(value, UNSAFE)));
}

/// Whether a message is an event that has all in its payload.
pub fn is_structured(incoming: Option<&HeaderMap>) -> bool {
    let said = get(incoming, CONTENT_TYPE).unwrap_or_default();
    let media_type = said.split(';').next().unwrap_or_default().trim();
    EVENTS.iter().any(|event| event.eq_ignore_ascii_case(media_type))
}

/// The id the sender gave in a header: `ce-id`, else `Nats-Msg-Id`, which says less than the id in the
/// payload of an event.
pub fn id(incoming: Option<&HeaderMap>) -> Option<Cow<'_, str>> {
    let message = || get(incoming, "Nats-Msg-Id").filter(|_| !is_structured(incoming));
    attribute(incoming, "ce-id").or_else(|| message().map(Cow::Borrowed))
}

/// Headers of an event: its id, what it is, what it is about, when it was made; the trace of the
/// message it answers goes on.
pub fn event(id: &str, kind: &str, about: &str, made_at: SystemTime, incoming: Option<&HeaderMap>) -> HeaderMap {
    let mut headers = headers(id, PROTOBUF);
    set(&mut headers, "ce-specversion", "1.0");
    set_attribute(&mut headers, "ce-id", id);
    set(&mut headers, DATA_CONTENT_TYPE, PROTOBUF);
    set(&mut headers, "ce-type", kind);
    set(&mut headers, "ce-source", concat!("/", env!("CARGO_PKG_NAME")));
    set_attribute(&mut headers, "ce-subject", about);
    set(
        &mut headers,
        "ce-time",
        &prost_types::Timestamp::from(made_at).to_string(),
    );
    if let Some(parent) = get(incoming, TRACEPARENT).and_then(child_of) {
        set(&mut headers, TRACEPARENT, &parent);
        if let Some(state) = get(incoming, TRACESTATE) {
            set(&mut headers, TRACESTATE, state);
        }
    }
    headers
}

/// A `traceparent` for a new span in the same trace; None when it is not well formed.
fn child_of(traceparent: &str) -> Option<String> {
    let mut parts = traceparent.split('-');
    let (version, trace, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let is_hex = |part: &str, len: usize| {
        part.len() == len
            && part
                .bytes()
                .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    };
    let is_well_formed = is_hex(version, 2) && version != "ff" && is_hex(trace, 32) && is_hex(parent, 16);
    if !is_well_formed || !is_hex(flags, 2) || trace.bytes().all(|byte| byte == b'0') {
        return None;
    }
    let span = rand::random_range(1..=u64::MAX);
    Some(format!("00-{trace}-{span:016x}-{flags}"))
}

/// The headers of a message that becomes a dead letter: its own, save those that would make the
/// server treat the letter as something else; these go on under another name.
pub fn of_dead_letter(incoming: Option<&HeaderMap>) -> HeaderMap {
    let mut kept = HeaderMap::new();
    for (name, values) in incoming.into_iter().flat_map(HeaderMap::iter) {
        let name = name.to_string();
        let is_control = name.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("nats-"));
        let name = if is_control {
            format!("Baocao-Original-{name}")
        } else {
            name
        };
        for value in values {
            kept.append(name.as_str(), value.clone());
        }
    }
    kept
}

/// Sets the id for the server's duplicate window.
pub fn set_message_id(headers: &mut HeaderMap, id: &str) {
    set(headers, header::NATS_MESSAGE_ID, id);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_goes_on_in_a_new_span() {
        let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let child = child_of(parent).expect("well formed");
        assert!(child.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-"));
        assert!(child.ends_with("-01"));
        assert_ne!(child, parent);
        for bad in [
            "",
            "00-x",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-0-0-0",
        ] {
            assert_eq!(child_of(bad), None, "{bad}");
        }
    }

    #[test]
    fn names_are_found_in_any_case() {
        let mut headers = HeaderMap::new();
        headers.insert("CE-ID", "a");
        headers.insert("content-type", " text/plain ");
        assert_eq!(id(Some(&headers)).as_deref(), Some("a"));
        assert_eq!(get(Some(&headers), CONTENT_TYPE), Some("text/plain"));
        assert_eq!(get(None, CONTENT_TYPE), None);
    }

    #[test]
    fn an_event_has_all_attributes_and_any_id() {
        let made_at = SystemTime::UNIX_EPOCH;
        let headers = event("bc quý 3 50%", "vn.baocao.x.v1", "số 1", made_at, None);
        let said = |name: &str| headers.get(name).map(HeaderValue::as_str);
        for (name, value) in [
            ("ce-specversion", "1.0"),
            ("ce-id", "bc%20qu%C3%BD%203%2050%25"),
            ("ce-type", "vn.baocao.x.v1"),
            ("ce-source", "/baocao"),
            ("ce-subject", "s%E1%BB%91%201"),
            ("ce-time", "1970-01-01T00:00:00Z"),
            ("ce-datacontenttype", PROTOBUF),
            ("Content-Type", PROTOBUF),
        ] {
            assert_eq!(said(name), Some(value), "{name}");
        }
        assert_eq!(id(Some(&headers)).as_deref(), Some("bc quý 3 50%"));
        let mut plain = HeaderMap::new();
        plain.insert("ce-id", "100% %zz");
        assert_eq!(
            id(Some(&plain)).as_deref(),
            Some("100% %zz"),
            "not encoded by the sender"
        );
    }

    #[test]
    fn dead_letters_keep_headers_without_their_effect() {
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Msg-Id", "7");
        headers.insert("ce-id", "8");
        let kept = of_dead_letter(Some(&headers));
        assert!(kept.get("Nats-Msg-Id").is_none());
        assert_eq!(
            kept.get("Baocao-Original-Nats-Msg-Id").map(HeaderValue::as_str),
            Some("7")
        );
        assert_eq!(kept.get("ce-id").map(HeaderValue::as_str), Some("8"));
    }
}
