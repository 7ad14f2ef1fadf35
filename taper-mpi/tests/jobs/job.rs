//! A job of several ranks, with a time limit.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

/// No job of these tests takes as long on a machine that works.
const LIMIT: Duration = Duration::from_secs(60);

const MPIRUN: &str = "mpirun --allow-run-as-root --oversubscribe";

/// A folder of its own for each test, emptied.
pub(crate) fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("jobs-{}-{name}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a folder for the test");
    folder
}

/// A job that has been started.
pub(crate) struct Job {
    what: String,
    child: Child,
    start: Instant,
    errors: PathBuf,
}

/// How a job ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) is_success: bool,
    /// What was written to the standard error output.
    pub(crate) errors: String,
}

impl Job {
    /// So many ranks of a worker of this program.
    pub(crate) fn start(worker: &str, ranks: usize, folder: &Path) -> Self {
        let mpirun = std::env::var("TAPER_MPIRUN").unwrap_or_else(|_| MPIRUN.into());
        let mut words = mpirun.split_whitespace();
        let errors = folder.join("errors");
        let output = File::create(&errors).expect("a file for the errors");
        let child = Command::new(words.next().expect("a command"))
            .args(words)
            .args(["-n", &ranks.to_string()])
            .arg(std::env::current_exe().expect("this program"))
            .args(["--worker", worker])
            .arg(folder)
            .stderr(output)
            .spawn()
            .unwrap_or_else(|error| panic!("{mpirun}: {error}"));
        Self { what: format!("{worker} on {ranks} ranks"), child, start: Instant::now(), errors }
    }

    /// Waits for its end; a job that hangs fails the test.
    pub(crate) fn end(mut self) -> Ended {
        loop {
            if let Some(status) = self.child.try_wait().expect("a job") {
                let errors = fs::read_to_string(&self.errors).expect("the errors of the job");
                return Ended { is_success: status.success(), errors };
            }
            if self.start.elapsed() > LIMIT {
                let _ = self.child.kill();
                panic!("{} did not end in {LIMIT:?}", self.what);
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Runs a job that has to succeed.
    pub(crate) fn succeeds(worker: &str, ranks: usize, folder: &Path) {
        let ended = Self::start(worker, ranks, folder).end();
        assert!(ended.is_success, "{worker} on {ranks} ranks:\n{}", ended.errors);
    }

    /// Runs a job that has to fail, and gives back what it says.
    pub(crate) fn fails(worker: &str, ranks: usize, folder: &Path) -> String {
        let ended = Self::start(worker, ranks, folder).end();
        assert!(!ended.is_success, "{worker} on {ranks} ranks ended well:\n{}", ended.errors);
        ended.errors
    }
}
