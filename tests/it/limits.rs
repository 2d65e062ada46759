//! Messages at the limits of the server, and what becomes of them.

use baocao::proto::baocao::v1 as pb;

use crate::harness::{Client, Worker, little_report, on_each_server};

/// What servers take if nothing else is configured.
const MAX_PAYLOAD: usize = 1 << 20;

/// Prose without figures that does not repeat itself.
fn prose(bytes: usize) -> String {
    const WORDS: [&str; 16] = [
        "công",
        "tác",
        "tuyên",
        "truyền",
        "được",
        "quan",
        "tâm",
        "thực",
        "hiện",
        "thường",
        "xuyên",
        "và",
        "có",
        "hiệu",
        "quả",
        "tốt",
    ];
    let mut state: u64 = 1;
    let mut text = String::new();
    while text.len() + 200 < bytes {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let words = (0..12).map(|n| WORDS[(state >> (16 + 4 * n)) as usize % WORDS.len()]);
        text.push_str(&words.collect::<Vec<_>>().join(" "));
        text.push_str(".\n");
    }
    text
}

#[test]
fn a_result_that_is_too_large_goes_without_the_text() {
    on_each_server(|server| async move {
        let settings = server.settings();
        let client = Client::new(&settings).await;
        client.provide().await;
        let mut text = little_report(1);
        text.push_str(&prose(MAX_PAYLOAD - 500 - text.len()));
        client.submit_raw("large", "text/plain", text.clone().into()).await;
        let worker = Worker::start(&settings);
        let result = client.results(1).await.remove(0);
        assert_eq!(result.status(), pb::Status::Processed, "{:?}", result.refusal);
        let document = result.document.as_ref().unwrap();
        assert_eq!(document.text, "");
        assert_eq!(document.length as usize, text.chars().count());
        client.until_all_is_done().await;
        worker.stop().await;
    });
}

#[test]
fn a_result_that_is_too_large_without_the_text_lies_in_the_object_store() {
    on_each_server(|server| async move {
        let settings = server.settings();
        let client = Client::new(&settings).await;
        client.provide().await;
        let figures = "Tiếp 12 lượt công dân, xử lý 15 đơn, giải quyết 20 vụ việc, ban hành 17 văn bản.\n";
        let text = little_report(1) + &figures.repeat(8000);
        assert!(text.len() < MAX_PAYLOAD - 500);
        client.submit_raw("dense", "text/plain", text.into()).await;
        let worker = Worker::start(&settings);
        let result = client.results(1).await.remove(0);
        assert_eq!(result.status(), pb::Status::Processed, "{:?}", result.refusal);
        assert_eq!(result.report, None);
        let whole = baocao::bus::client::whole(&client.connection, result).await.unwrap();
        assert!(whole.report.unwrap().measures.len() >= 8000);
        client.until_all_is_done().await;
        worker.stop().await;
    });
}

#[test]
fn a_dead_letter_without_room_for_its_payload_says_where_it_is() {
    on_each_server(|server| async move {
        let settings = server.settings();
        let client = Client::new(&settings).await;
        client.provide().await;
        // No headers at all, and not a byte left.
        let subject = client.names().received(&baocao::bus::Unit::new("H50"));
        let payload = vec![0xFF; MAX_PAYLOAD];
        client
            .jetstream()
            .publish(subject, payload.into())
            .await
            .unwrap()
            .await
            .unwrap();
        let worker = Worker::start(&settings);
        let letter = client.take(&client.names().dead_stream(), 1).await.remove(0);
        let headers = letter.headers.as_ref().unwrap();
        let place = headers.get("Baocao-Dead-Payload").unwrap().as_str();
        let object = baocao::bus::Reference::to(&[0xFF; MAX_PAYLOAD]);
        assert_eq!(place, format!("object {} {MAX_PAYLOAD}", object.name));
        assert_eq!(headers.get("Baocao-Dead-Reason").unwrap().as_str(), "not-text");
        let result = client.results(1).await.remove(0);
        assert_eq!(result.submission.unwrap().content_size as usize, MAX_PAYLOAD);
        client.until_all_is_done().await;
        worker.stop().await;
    });
}

#[test]
fn more_bytes_than_the_budget_pass_one_after_the_other() {
    on_each_server(|server| async move {
        let mut settings = server.settings();
        settings.worker.max_bytes_in_flight = 100_000;
        let client = Client::new(&settings).await;
        client.provide().await;
        for n in 0..6 {
            let text = format!("{n} {}", "chữ ".repeat(30_000));
            client.submit_raw(&n.to_string(), "text/plain", text.into()).await;
        }
        let worker = Worker::start(&settings);
        client.results(6).await;
        client.until_all_is_done().await;
        worker.stop().await;
    });
}
