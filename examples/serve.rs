//! A server over HTTP, which answers several requests at a time and exchanges its weights meanwhile.
//!
//! ```sh
//! cargo run --release --example pets -- --save pets.safetensors
//! cargo run --release --example serve -- pets.safetensors --port 8080
//! cargo run --release --example serve -- --self-test
//! ```
//!
//! `POST /predict` takes samples as JSON, each a list of numbers, `[[0.1, 0.2], [0.3, 0.4]]`, and gives the outputs in the same way.
//! `GET /health` says that the server is there. When the file changes, the model is opened again; requests that are being answered
//! end with the old one. What cannot be opened, or has other layers, is reported and not used.
//!
//! One model is shared by all threads, behind an `Arc`. Its lock is held to copy or to exchange the `Arc`, never during a pass.
//! For the passes there is a `WorkspacePool`.
//!
//! Bodies are taken from anybody, so they are limited and checked. Slow or idle connections are not, nor is there TLS: that is the task
//! of a proxy in front.

use std::error::Error;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, RwLock};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use clap::Parser;
use taper::sequential::WorkspacePool;
use taper::{Sequential, Shape, Tensor, TensorView, TensorViewMut};
use tiny_http::{Method, Request, Response, Server};

/// The longest body.
const MOST_BYTES: u64 = 1 << 20;

/// The most samples of a request.
const MOST_SAMPLES: usize = 1024;

/// The samples that go through the model at once.
const BATCH: usize = 64;

/// How often the file is looked at.
const LOOK: Duration = Duration::from_millis(200);

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// Serves a model over HTTP.
#[derive(Parser)]
struct Arguments {
    /// The model, as `Sequential::save` writes it.
    #[arg(required_unless_present = "self_test")]
    model: Option<PathBuf>,
    /// The port; 0 takes any that is free.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Threads that answer requests; as many as there are processors unless given.
    #[arg(long)]
    threads: Option<usize>,
    /// Serves a model of its own, asks for predictions, exchanges the weights, checks the answers, and ends.
    #[arg(long)]
    self_test: bool,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let threads = arguments.threads.map_or_else(thread::available_parallelism, |threads| {
        threads.try_into().map_err(std::io::Error::other)
    })?;
    let Some(model) = arguments.model.filter(|_| !arguments.self_test) else {
        return self_test();
    };
    let service = Service::new(model, threads.get())?;
    let server = Server::http(("127.0.0.1", arguments.port))?;
    println!("listening on {}", server.server_addr());
    service.run(&server, threads.get(), &AtomicBool::new(false));
    Ok(())
}

/// A model that answers requests.
struct Service {
    file: PathBuf,
    model: RwLock<Arc<Sequential<f32>>>,
    workspaces: WorkspacePool<f32>,
}

/// A status and a text.
type Answer = (u16, String);

impl Service {
    fn new(file: PathBuf, threads: usize) -> Result<Self> {
        let model = Sequential::open(&file)?;
        let workspaces = WorkspacePool::new(&model, BATCH, threads)?;
        Ok(Self { file, model: RwLock::new(Arc::new(model)), workspaces })
    }

    /// Answers requests on so many threads, and looks for new weights, until it is to end.
    fn run(&self, server: &Server, threads: usize, ends: &AtomicBool) {
        thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    while !ends.load(Ordering::Relaxed) {
                        match server.recv() {
                            Ok(request) => self.answer(request),
                            // As when it is woken up to end.
                            Err(_) => thread::sleep(Duration::from_millis(1)),
                        }
                    }
                });
            }
            let mut seen = modified(&self.file);
            while !ends.load(Ordering::Relaxed) {
                thread::sleep(LOOK);
                let found = modified(&self.file);
                if found.is_some() && found != seen {
                    seen = found;
                    match self.exchange() {
                        Ok(()) => println!("new weights from {}", self.file.display()),
                        Err(error) => eprintln!("{}: {error}; the old weights stay", self.file.display()),
                    }
                }
            }
        });
    }

    /// Takes the model that is in the file.
    fn exchange(&self) -> Result<()> {
        let new = Sequential::open(&self.file)?;
        // Tried before anybody is served with it.
        let x = Tensor::zeros(new.input().with_batch(1)?)?;
        let mut outputs = Tensor::zeros(self.current().output().with_batch(1)?)?;
        self.workspaces.infer(&new, &x, &mut outputs)?;
        *self.model.write().expect("nobody panics with this lock") = Arc::new(new);
        Ok(())
    }

    /// The model as it is. Who has it keeps it, whatever is exchanged meanwhile.
    fn current(&self) -> Arc<Sequential<f32>> {
        Arc::clone(&self.model.read().expect("nobody panics with this lock"))
    }

    fn answer(&self, mut request: Request) {
        let (status, text) = match (request.method().clone(), request.url()) {
            (Method::Get, "/health") => (200, "ok".to_owned()),
            (Method::Post, "/predict") => self.predict(&mut request).unwrap_or_else(|answer| answer),
            (_, "/health" | "/predict") => (405, "GET /health, POST /predict".to_owned()),
            _ => (404, "there are /health and /predict".to_owned()),
        };
        // Who asked may be gone.
        let _ = request.respond(Response::from_string(text).with_status_code(status));
    }

    fn predict(&self, request: &mut Request) -> std::result::Result<Answer, Answer> {
        let too_long = || (413, format!("expected at most {MOST_BYTES} bytes"));
        if request.body_length().is_some_and(|length| length as u64 > MOST_BYTES) {
            return Err(too_long());
        }
        let mut body = Vec::new();
        let read = request.as_reader().take(MOST_BYTES + 1).read_to_end(&mut body);
        read.map_err(|error| wrong(format!("the body cannot be read: {error}")))?;
        if body.len() as u64 > MOST_BYTES {
            return Err(too_long());
        }
        let model = self.current();
        let (samples, x) = read_samples(&body, model.input())?;
        let [input, output] = [model.input(), model.output()].map(|shape| with_batch(shape, samples));
        let mut outputs = vec![0.0; output?.len()];
        let width = outputs.len() / samples;
        let x = TensorView::new(input?, &x).map_err(failed)?;
        let y = TensorViewMut::new(with_batch(model.output(), samples)?, &mut outputs).map_err(failed)?;
        self.workspaces.infer(&model, x, y).map_err(failed)?;
        let rows: Vec<&[f32]> = outputs.chunks(width).collect();
        Ok((200, serde_json::to_string(&rows).map_err(failed)?))
    }
}

/// How many samples there are in a body, and their numbers one after another.
fn read_samples(body: &[u8], input: Shape) -> std::result::Result<(usize, Vec<f32>), Answer> {
    let rows: Vec<Vec<f32>> = serde_json::from_slice(body)
        .map_err(|error| wrong(format!("expected JSON, a list of lists of numbers: {error}")))?;
    if rows.is_empty() || rows.len() > MOST_SAMPLES {
        return Err(wrong(format!("expected 1 to {MOST_SAMPLES} samples, got {}", rows.len())));
    }
    for (index, row) in rows.iter().enumerate() {
        if row.len() != input.len() {
            return Err(wrong(format!(
                "sample {index}: expected {} numbers, got {}",
                input.len(),
                row.len()
            )));
        }
    }
    Ok((rows.len(), rows.concat()))
}

fn with_batch(sample: Shape, samples: usize) -> std::result::Result<Shape, Answer> {
    sample.with_batch(samples).map_err(failed)
}

fn wrong(text: String) -> Answer {
    (400, text)
}

/// A mistake that is not the caller's; the reason is for the log.
fn failed(error: impl std::fmt::Display) -> Answer {
    eprintln!("{error}");
    (500, "the model cannot answer".to_owned())
}

fn modified(file: &Path) -> Option<SystemTime> {
    std::fs::metadata(file).and_then(|data| data.modified()).ok()
}

const TEST_THREADS: usize = 4;
const TEST_CLIENTS: usize = 6;

fn self_test() -> Result<()> {
    let file = std::env::temp_dir().join(format!("serve-{}.safetensors", std::process::id()));
    let result = serve_and_ask(&file);
    let _ = std::fs::remove_file(&file);
    result
}

fn serve_and_ask(file: &Path) -> Result<()> {
    let build = |seed| {
        Sequential::<f32>::builder([2, 3])
            .flatten()
            .dense(400)
            .relu()
            .dense(3)
            .build(&mut taper::seeded(seed))
    };
    let (old, new) = (build(1)?, build(2)?);
    old.save(file)?;
    let service = Service::new(file.to_owned(), TEST_THREADS)?;
    let server = Server::http("127.0.0.1:0")?;
    let port = server.server_addr().to_ip().ok_or("expected an address of the internet protocol")?.port();
    let ends = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| service.run(&server, TEST_THREADS, &ends));
        let result = ask_all(port, file, &old, &new);
        ends.store(true, Ordering::Relaxed);
        (0..TEST_THREADS).for_each(|_| server.unblock());
        result
    })?;
    println!("self-test passed");
    Ok(())
}

/// Asks from several threads, while the weights are exchanged, until all have seen the new ones.
fn ask_all(port: u16, file: &Path, old: &Sequential<f32>, new: &Sequential<f32>) -> Result<()> {
    expect(&ask(port, "GET", "/health", b"")?, 200, "ok")?;
    let long = vec![b' '; MOST_BYTES as usize + 1];
    let many = format!("[{}[]]", "[],".repeat(MOST_SAMPLES));
    for (body, status, text) in [
        (&b""[..], 400, "expected JSON"),
        (b"[[1, 2", 400, "expected JSON"),
        (b"\xff\xfe", 400, "expected JSON"),
        (b"[[1, 2, 3, 4, 5, \"6\"]]", 400, "expected JSON"),
        (b"[]", 400, "expected 1 to 1024 samples, got 0"),
        (many.as_bytes(), 400, "expected 1 to 1024 samples, got 1025"),
        (b"[[1, 2, 3, 4, 5, 6], [1, 2]]", 400, "sample 1: expected 6 numbers, got 2"),
        // No number that an f32 can hold.
        (b"[[1, 2, 3, 4, 5, 1e39]]", 400, "number out of range"),
        (&long, 413, "expected at most"),
    ] {
        expect(&ask(port, "POST", "/predict", body)?, status, text)?;
    }
    expect(&ask(port, "GET", "/predict", b"")?, 405, "POST /predict")?;
    expect(&ask(port, "GET", "/elsewhere", b"")?, 404, "/predict")?;

    let (asked, exchanged) = (AtomicBool::new(false), AtomicBool::new(false));
    thread::scope(|scope| {
        let client = |number: usize| -> Result<usize> {
            // More samples than a batch, for one of them.
            let samples = if number == 0 { BATCH + 7 } else { number };
            let x = Tensor::from_fn([samples, 2, 3], |i| ((i * 7 + number) % 11) as f32 / 11.0)?;
            let rows: Vec<&[f32]> = x.as_slice().chunks(6).collect();
            let body = serde_json::to_vec(&rows)?;
            let (before, after) = (old.predict(&x)?, new.predict(&x)?);
            let start = Instant::now();
            for answers in 1.. {
                let may_be_old = !exchanged.load(Ordering::SeqCst);
                let (status, text) = ask(port, "POST", "/predict", &body)?;
                let rows: Vec<Vec<f32>> = serde_json::from_str(&text)?;
                let outputs = rows.concat();
                asked.store(true, Ordering::SeqCst);
                if status == 200 && outputs == after.as_slice() {
                    exchanged.store(true, Ordering::SeqCst);
                    return Ok(answers);
                }
                if status != 200 || !may_be_old || outputs != before.as_slice() {
                    return Err(format!(
                        "client {number}: expected the outputs of a model, got {status} {text}"
                    )
                    .into());
                }
                if start.elapsed() > Duration::from_secs(30) {
                    return Err("the new weights do not come".into());
                }
            }
            unreachable!("it counts without end")
        };
        let clients: Vec<_> = (0..TEST_CLIENTS).map(|number| scope.spawn(move || client(number))).collect();
        while !asked.load(Ordering::SeqCst) && !clients.iter().all(thread::ScopedJoinHandle::is_finished) {
            thread::sleep(Duration::from_millis(1));
        }
        // Some file systems know the time of a change by 10 ms.
        thread::sleep(Duration::from_millis(20));
        new.save(file)?;
        for client in clients {
            let answers = client.join().map_err(|_| "a client panicked")??;
            println!("{answers} answers until the new weights came");
        }
        Ok(())
    })
}

fn expect(answer: &Answer, status: u16, text: &str) -> Result<()> {
    if answer.0 == status && answer.1.contains(text) {
        return Ok(());
    }
    Err(format!("expected {status} with `{text}`, got {} {}", answer.0, answer.1).into())
}

/// A request by hand.
fn ask(port: u16, method: &str, path: &str, body: &[u8]) -> Result<Answer> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(body)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, text) = answer.split_once("\r\n\r\n").ok_or("an answer without an end of its head")?;
    let status = head.split(' ').nth(1).ok_or("an answer without a status")?.parse()?;
    Ok((status, text.to_owned()))
}
