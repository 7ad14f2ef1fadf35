//! A file is the old one or the new one, whatever happens to the one who writes it.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use taper::{Error, Sequential};

/// Tells a child, which is this program again, where to write.
pub(crate) const PATH: &str = "TAPER_TEST_WRITES";

pub(crate) fn model(seed: u64) -> Sequential<f32> {
    Sequential::builder([300]).dense(200).named("fc1").build(&mut taper::seeded(seed)).unwrap()
}

/// Not a test of its own: the child, which writes the second model once.
#[test]
fn writes_once() {
    let Ok(path) = std::env::var(PATH) else { return };
    if let Err(error) = model(2).save(&path) {
        eprintln!("{error}");
        std::process::exit(3);
    }
}

pub(crate) fn child(test: &str, path: &Path, prefix: &[&str]) -> Command {
    child_of(&std::env::current_exe().unwrap(), test, path, prefix)
}

fn child_of(program: &Path, test: &str, path: &Path, prefix: &[&str]) -> Command {
    let words = [prefix, &[program.to_str().unwrap(), "--nocapture", "--exact", test]].concat();
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).env(PATH, path).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

/// A folder of this test alone, removed at the end.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("taper-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The shell forbids files as long as the model, as a full disk does.
#[cfg(unix)]
#[test]
fn a_file_that_cannot_grow_is_an_error_and_the_old_one_stays() {
    let folder = Folder::new("grows");
    let path = folder.0.join("model.safetensors");
    let old = Sequential::<f32>::builder([2]).dense(1).build(&mut taper::seeded(1)).unwrap();
    old.save(&path).unwrap();
    // 512 or 1024 bytes each, by the shell; the model has 240 kB.
    let limit = ["sh", "-c", "ulimit -f 100; trap '' XFSZ; exec \"$@\"", "sh"];
    let output = child("written_whole::writes_once", &path, &limit).output().unwrap();
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{message}");
    assert!(message.contains(&format!("write `{}`: File too large", path.display())), "{message}");
    assert_eq!(Sequential::<f32>::open(&path).unwrap().state(), old.state());
    assert_eq!(std::fs::read_dir(&folder.0).unwrap().count(), 1, "a temporary file is left");
}

fn kind(result: taper::Result<()>) -> ErrorKind {
    match result {
        Err(Error::Io { kind, .. }) => kind,
        other => panic!("expected an error of the system, got {other:?}"),
    }
}

#[test]
fn what_cannot_be_read_or_written_is_told() {
    let folder = Folder::new("told");
    let mut model = model(1);
    let missing = folder.0.join("missing/model.safetensors");
    assert_eq!(kind(model.save(&missing)), ErrorKind::NotFound);
    assert_eq!(kind(model.load(&missing)), ErrorKind::NotFound);
    assert_eq!(kind(model.save(&folder.0)), ErrorKind::InvalidInput);
    assert_eq!(kind(model.load(&folder.0)), ErrorKind::InvalidInput);
    assert_eq!(kind(model.save("")), ErrorKind::NotFound);
    let error = model.load(&missing).unwrap_err().to_string();
    assert!(error.starts_with(&format!("read `{}`: ", missing.display())), "{error}");
}

#[cfg(unix)]
#[test]
fn a_device_is_not_read_to_its_end() {
    assert_eq!(kind(model(1).load("/dev/zero")), ErrorKind::InvalidInput);
    assert_eq!(kind(model(1).save("/dev/null")), ErrorKind::InvalidInput);
}

#[cfg(unix)]
#[test]
fn a_folder_that_cannot_be_written_is_told() {
    use std::os::unix::fs::PermissionsExt;

    let folder = Folder::new("read-only");
    let path = folder.0.join("model.safetensors");
    model(1).save(&path).unwrap();
    std::fs::set_permissions(&folder.0, std::fs::Permissions::from_mode(0o555)).unwrap();
    let is_root = std::fs::write(folder.0.join("probe"), "").is_ok();
    // Nobody, not even root, makes files among those that the kernel shows.
    let path = if is_root { PathBuf::from("/proc/model.safetensors") } else { path };
    let result = model(2).save(&path);
    std::fs::set_permissions(&folder.0, std::fs::Permissions::from_mode(0o755)).unwrap();
    assert!(matches!(result, Err(Error::Io { action: "write", .. })), "{result:?}");
    if !is_root {
        assert_eq!(Sequential::<f32>::open(&path).unwrap().state(), model(1).state());
    }
}

/// Such a folder cannot be synced.
#[cfg(unix)]
#[test]
fn a_folder_that_can_be_written_but_not_read_gets_the_new_file() {
    use std::os::unix::fs::PermissionsExt;

    let folder = Folder::new("blind");
    let (inner, program) = (folder.0.join("inner"), folder.0.join("program"));
    std::fs::create_dir(&inner).unwrap();
    let path = inner.join("model.safetensors");
    model(1).save(&path).unwrap();
    let allow = |path: &Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    // Permissions do not hold for root, who can become somebody else, and needs the program where all may run it.
    std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    allow(&folder.0, 0o755);
    allow(&program, 0o755);
    allow(&path, 0o666);
    allow(&inner, 0o333);
    let nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    let is_root = std::fs::read_dir(&inner).is_ok();
    let prefix = if is_root { &nobody[..] } else { &[] };
    let save = |path: &Path| child_of(&program, "written_whole::writes_once", path, prefix).output();
    let Ok(output) = save(&path) else {
        println!("left out: root has no `setpriv` to become somebody else with");
        return;
    };
    let new = save(&inner.join("new.safetensors")).unwrap();
    // A folder that may not be written either leaves the old file.
    allow(&inner, 0o111);
    let refused = save(&path).unwrap();
    allow(&inner, 0o755);
    for output in [output, new] {
        let message = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{message}");
    }
    let message = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(3), "{message}");
    assert!(message.contains("Permission denied"), "{message}");
    for path in [path, inner.join("new.safetensors")] {
        assert_eq!(Sequential::<f32>::open(&path).unwrap().state(), model(2).state());
    }
    assert_eq!(std::fs::read_dir(&inner).unwrap().count(), 2, "a temporary file is left");
}
