//! The parts of `deploy/local bench` that need this library or a fast client: `bench COMMAND key=value ...`.
//!
//! - `core dir=D`: millions of bytes a second and CPU of the steps on the texts of a folder, one thread;
//! - `provide url=U prefix=P storage=file|memory split=False|True`: the streams of workers;
//! - `load url=U subject=S dir=D n=N [from=K]`: hands the texts in, N in all, as fast as the server takes them;
//! - `paced … rate=R in=STREAM out=STREAM`: the same at a rate, then how long each took until its result was stored;
//! - `drained url=U in=STREAM out=STREAM n=N [dead=STREAM]`: waits until the work queue is empty, and says when.
//!
//! Each prints one line of JSON. The same loader feeds baocao and the yardsticks, so that they differ in nothing else.

use std::{
    collections::HashMap,
    error::Error,
    fs,
    hint::black_box,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use async_nats::{
    HeaderMap,
    jetstream::{
        self,
        consumer::pull::OrderedConfig,
        message::PublishMessage,
        stream::{State, StorageType},
    },
};
use baocao::{
    alert::AlertPolicy,
    bus::{Names, topology},
    config::{Settings, Stages},
    decode::{self, Limits},
    document::Document,
    extract::{self, PartialDate},
    pipeline,
    proto::baocao::v1 as pb,
    validate::RuleSet,
    vocabulary::Vocabulary,
    wire::{self, borrowed::Message as _},
};
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use rustix::time::{ClockId, clock_gettime};
use serde_json::json;
use tokio::time::{Instant, sleep, sleep_until};

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// Publishes on their way at once.
const IN_FLIGHT: usize = 256;

/// How long a run may take before it counts as stuck.
const PATIENCE: Duration = Duration::from_secs(300);

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let command = arguments.next().unwrap_or_default();
    let options = Options(
        arguments
            .filter_map(|argument| argument.split_once('=').map(|(key, value)| (key.into(), value.into())))
            .collect(),
    );
    if command == "core" {
        return core(&options);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        match command.as_str() {
            "provide" => provide(&options).await,
            "load" => load(&options, None).await.map(|_| ()),
            "paced" => paced(&options).await,
            "drained" => drained(&options).await,
            _ => Err("core, provide, load, paced or drained?".into()),
        }
    })
}

/// What stands behind the command.
struct Options(HashMap<String, String>);

impl Options {
    fn text(&self, key: &str) -> Result<&str> {
        let value = self.0.get(key).map(String::as_str);
        value.ok_or_else(|| format!("{key}=…?").into())
    }

    fn number(&self, key: &str) -> Result<usize> {
        Ok(self.text(key)?.parse()?)
    }

    fn texts(&self) -> Result<Vec<Bytes>> {
        let mut files: Vec<_> = fs::read_dir(self.text("dir")?)?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<std::io::Result<_>>()?;
        files.retain(|path| path.extension().is_some_and(|extension| extension == "txt"));
        files.sort();
        Ok(files
            .iter()
            .map(|file| fs::read(file).map(Bytes::from))
            .collect::<std::io::Result<_>>()?)
    }
}

// ---- the core alone --------------------------------------------------------------------------------------------------

/// Each step over all texts again and again until it has used a third of a second of CPU.
fn core(options: &Options) -> Result<()> {
    let texts = options.texts()?;
    let bytes: usize = texts.iter().map(Bytes::len).sum();
    let vocabulary = Vocabulary::embedded();
    let (limits, rules, today) = (Limits::default(), RuleSet::default(), PartialDate::new(2026, 1, 1));
    let documents: Vec<Document> = texts
        .iter()
        .map(|text| decode::decode(text, "text/plain", &limits).map_err(|refusal| refusal.message_en))
        .collect::<std::result::Result<_, _>>()?;
    let submission = pb::ReportSubmission::default();
    let process = |text: &[u8]| pipeline::process(text, "text/plain", &limits, vocabulary, &rules, today);
    let steps: [(&str, &dyn Fn(usize)); 3] = [
        ("extract", &|n| {
            black_box(extract::extract(&documents[n], vocabulary));
        }),
        ("all", &|n| {
            black_box(process(&texts[n]));
        }),
        ("all_to_protobuf", &|n| {
            let outcome = process(&texts[n]);
            let result = wire::result(&submission, &outcome, true, None);
            let alerts = wire::alerts(&submission, &outcome, &result, &AlertPolicy::default());
            black_box(alerts.iter().map(|alert| alert.encode()).collect::<Vec<_>>());
            black_box(result.encode());
        }),
    ];
    let mut speeds = serde_json::Map::new();
    for (name, step) in steps {
        (0..texts.len()).for_each(step);
        let (mut rounds, begin) = (0, cpu_seconds());
        let used = loop {
            (0..texts.len()).for_each(step);
            rounds += 1;
            let used = cpu_seconds() - begin;
            if used > 0.3 {
                break used;
            }
        };
        speeds.insert(name.into(), json!((bytes * rounds) as f64 / used / 1e6));
    }
    println!("{}", json!({ "mb_s": speeds, "bytes": bytes }));
    Ok(())
}

/// CPU time of this thread: on a shared machine the clock on the wall counts the neighbours, too.
fn cpu_seconds() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

// ---- on the bus ------------------------------------------------------------------------------------------------------

async fn connect(options: &Options) -> Result<jetstream::Context> {
    let mut jetstream = jetstream::new(async_nats::connect(options.text("url")?).await?);
    jetstream.set_timeout(Duration::from_secs(30));
    Ok(jetstream)
}

/// The streams as a worker makes them, in the storage that is asked for, and its consumer.
async fn provide(options: &Options) -> Result<()> {
    let mut settings = Settings::default();
    settings.bus.url = options.text("url")?.into();
    settings.bus.prefix = options.text("prefix")?.into();
    let names = Names::new(&settings.bus.prefix)?;
    let jetstream = connect(options).await?;
    let is_split = options.text("split")? == "True";
    let stages = if is_split {
        &[Stages::Extract, Stages::Validate][..]
    } else {
        &[Stages::All]
    };
    for &stage in stages {
        settings.worker.stages = stage;
        let mut input = None;
        for mut wanted in topology::streams(&names, &settings.bus, stage) {
            if options.text("storage")? == "memory" {
                wanted.storage = StorageType::Memory;
            }
            input.get_or_insert(wanted.name.clone());
            jetstream.create_stream(wanted).await?;
        }
        let consumer = topology::consumer_config(&names, &settings.worker);
        jetstream
            .create_consumer_on_stream(consumer, input.unwrap_or_default())
            .await?;
    }
    println!("{{}}");
    Ok(())
}

/// When a text was sent, by the sequence it got in its stream.
type Sent = HashMap<u64, (String, SystemTime)>;

async fn load(options: &Options, rate: Option<usize>) -> Result<Sent> {
    let jetstream = connect(options).await?;
    let texts = options.texts()?;
    let subject = options.text("subject")?;
    let from = options.number("from").unwrap_or_default();
    let begin = Instant::now();
    stream::iter(0..options.number("n")?)
        .then(|n| async move {
            if let Some(rate) = rate {
                sleep_until(begin + Duration::from_secs_f64(n as f64 / rate as f64)).await;
            }
            n + from
        })
        .map(|n| {
            let (jetstream, text) = (&jetstream, texts[n % texts.len()].clone());
            async move {
                let id = format!("b{n}");
                let mut headers = HeaderMap::new();
                headers.insert("ce-id", id.as_str());
                headers.insert("Content-Type", "text/plain");
                let publish = PublishMessage::build().headers(headers).payload(text);
                let at = SystemTime::now();
                let stored = jetstream.send_publish(subject.to_owned(), publish).await?.await?;
                Ok((stored.sequence, (id, at)))
            }
        })
        .buffer_unordered(IN_FLIGHT)
        .try_collect()
        .await
}

async fn paced(options: &Options) -> Result<()> {
    let sent = load(options, Some(options.number("rate")?)).await?;
    wait_until_drained(options).await?;
    let mut ids: HashMap<String, SystemTime> = HashMap::new();
    for (sequence, (id, at)) in sent {
        // The yardstick names its results by the sequence, baocao by the id.
        ids.insert(format!("r-{sequence}"), at);
        ids.insert(id, at);
    }
    let jetstream = connect(options).await?;
    let headers = OrderedConfig {
        headers_only: true,
        ..Default::default()
    };
    let consumer = jetstream
        .create_consumer_on_stream(headers, options.text("out")?)
        .await?;
    let mut results = consumer.messages().await?.take(options.number("n")?);
    let mut times = Vec::new();
    while let Some(result) = results.next().await {
        let result = result?;
        let stored: SystemTime = result.info()?.published.into();
        let message_id = result.headers.as_ref().and_then(|headers| headers.get("Nats-Msg-Id"));
        let last_token = result.subject.rsplit('.').next();
        let sent = message_id
            .and_then(|id| ids.get(id.as_str()))
            .or_else(|| ids.get(last_token?));
        let sent = sent.ok_or("a result of nothing that was sent")?;
        times.push(stored.duration_since(*sent).unwrap_or_default().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    println!(
        "{}",
        json!({"results": times.len(), "p50_ms": at(0.5), "p99_ms": at(0.99), "max_ms": at(1.0)})
    );
    Ok(())
}

async fn drained(options: &Options) -> Result<()> {
    let (empty, results) = wait_until_drained(options).await?;
    if let Ok(dead) = options.text("dead") {
        let dead = state(&connect(options).await?, dead).await?.messages;
        if dead > 0 {
            return Err(format!("{dead} dead letters").into());
        }
    }
    println!(
        "{}",
        json!({
            "empty": seconds(empty),
            "first_result": seconds(results.first_timestamp.into()),
            "last_result": seconds(results.last_timestamp.into()),
            "result_bytes": results.bytes / results.messages.max(1),
        })
    );
    Ok(())
}

/// Waits until the work queue is empty and all results are there: when that was, and the state of the results.
/// Acknowledgements are handled behind a queue in the server: what ends the work is not the last one sent.
async fn wait_until_drained(options: &Options) -> Result<(SystemTime, State)> {
    let jetstream = connect(options).await?;
    let (queue, results) = (options.text("in")?, options.text("out")?);
    let n = options.number("n")? as u64;
    let begin = Instant::now();
    loop {
        let waiting = state(&jetstream, queue).await?.messages;
        if waiting == 0 {
            let empty = SystemTime::now();
            let results = state(&jetstream, results).await?;
            if results.messages > n {
                return Err(format!("{} results of {n} texts", results.messages).into());
            }
            if results.messages == n {
                return Ok((empty, results));
            }
        }
        if begin.elapsed() > PATIENCE {
            return Err(format!("{waiting} of {n} texts are still waiting").into());
        }
        sleep(Duration::from_millis(5)).await;
    }
}

async fn state(jetstream: &jetstream::Context, stream: &str) -> Result<State> {
    Ok(jetstream.get_stream(stream).await?.cached_info().state.clone())
}

fn seconds(time: SystemTime) -> f64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}
