//! Replaces a file as a whole: afterwards the path leads to the old file or to the new one.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::{Error, Result};

/// So many links in a row are followed, as by Linux.
const MOST_LINKS: usize = 40;

/// Systems there have neither permissions, so that every file would be read-only, nor numbers of processes.
const WEB_ASSEMBLY: bool = cfg!(target_family = "wasm");

/// Writes a file so that nobody ever sees a part of it, whatever happens in between: into a temporary file in the same
/// folder, which is synced, renamed over the old one, and the folder synced.
///
/// A process that is killed meanwhile leaves the temporary file behind (`.taper-….tmp`); an error removes it. A link is
/// followed: what it points to is replaced, or made where there is nothing. A file that is marked read-only is left alone.
///
/// Where the folder may be written but not read, it cannot be synced, and the file is in place all the same: only a power
/// cut soon after may bring the old one back. An error means that the old file is there, but for one: a folder whose
/// syncing fails, which says that the new file is in place.
///
/// Windows does not rename over a file that a program maps into memory, or holds open without sharing that: an error, and the old
/// file is there. A folder is not synced there, so a power cut soon after may bring the old file back.
pub(crate) fn write_atomically(
    path: &Path,
    write: &mut dyn FnMut(&mut File) -> io::Result<()>,
) -> Result<()> {
    replace(path, write).map_err(|error| io_error("write", path, &error))
}

/// An error of the system, with the file.
pub(crate) fn io_error(action: &'static str, path: &Path, error: &io::Error) -> Error {
    let path = path.display().to_string();
    Error::Io { action, path, kind: error.kind(), problem: error.to_string() }
}

fn replace(path: &Path, write: &mut dyn FnMut(&mut File) -> io::Result<()>) -> io::Result<()> {
    let path = &followed(path)?;
    let old = fs::metadata(path).ok();
    match &old {
        Some(old) if !old.is_file() => {
            return Err(io::Error::new(ErrorKind::InvalidInput, "expected a file, got a folder or a device"));
        }
        Some(old) if !WEB_ASSEMBLY && old.permissions().readonly() => {
            return Err(io::Error::new(ErrorKind::PermissionDenied, "the file is marked read-only"));
        }
        _ => {}
    }
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let (temporary, mut file) = create_temporary(folder)?;
    let old = old.filter(|_| !WEB_ASSEMBLY);
    let written = old.map_or(Ok(()), |old| file.set_permissions(old.permissions()));
    let written = written.and_then(|()| write(&mut file)).and_then(|()| file.sync_all());
    drop(file); // some systems do not rename an open file
    let renamed = written.and_then(|()| fs::rename(&temporary, path));
    if renamed.is_err() {
        // The first error is the one to be told.
        let _ = fs::remove_file(&temporary);
        return renamed;
    }
    sync_folder(folder)
}

/// What a path leads to when it is a link, and when that is one.
fn followed(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..=MOST_LINKS {
        // What is no link, or not there, is what will be written.
        let Ok(target) = fs::read_link(&path) else { return Ok(path) };
        path = path.parent().map_or(target.clone(), |folder| folder.join(target));
    }
    let problem = format!("expected a link that leads to a file, got more than {MOST_LINKS} links in a row");
    Err(io::Error::new(ErrorKind::InvalidInput, problem))
}

/// A file of a name that no other has.
fn create_temporary(folder: &Path) -> io::Result<(PathBuf, File)> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    loop {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let process = if WEB_ASSEMBLY { 0 } else { process::id() };
        let path = folder.join(format!(".taper-{process}-{number}.tmp"));
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(file) => return Ok((path, file)),
            // Left by a process that had the same number and was killed.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
}

/// Without it, a power cut can undo the renaming.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if !cfg!(unix) {
        return Ok(());
    }
    let synced = match File::open(folder) {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => return Ok(()),
        folder => folder.and_then(|folder| folder.sync_all()),
    };
    synced.map_err(|error| {
        let problem = format!("the new file is in place, but its folder could not be synced: {error}");
        io::Error::new(error.kind(), problem)
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    /// A folder of this test alone, removed at the end.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = if cfg!(target_os = "wasi") {
                PathBuf::from("/tmp").join(format!("taper-atomic-{name}"))
            } else {
                std::env::temp_dir().join(format!("taper-atomic-{name}-{}", process::id()))
            };
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        fn names(&self) -> Vec<String> {
            let entries = fs::read_dir(&self.0).unwrap();
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn put(path: &Path, text: &str) -> Result<()> {
        write_atomically(path, &mut |file| file.write_all(text.as_bytes()))
    }

    #[test]
    fn replaces_the_file_and_leaves_nothing_else() {
        let folder = Folder::new("replaces");
        let path = folder.0.join("model");
        for text in ["one", "another"] {
            put(&path, text).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        assert_eq!(folder.names(), ["model"]);
    }

    #[test]
    fn a_disk_that_is_full_in_the_middle_leaves_the_old_file() {
        let folder = Folder::new("full");
        let path = folder.0.join("model");
        put(&path, "old").unwrap();
        let error = write_atomically(&path, &mut |file| {
            file.write_all(b"new, but not")?;
            Err(io::Error::new(ErrorKind::StorageFull, "no space left on device"))
        })
        .unwrap_err();
        assert_eq!(error.to_string(), format!("write `{}`: no space left on device", path.display()));
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(folder.names(), ["model"]);
    }

    #[test]
    fn what_is_no_file_to_be_written_is_left_alone() {
        let folder = Folder::new("refuses");
        let kind = |path: &Path| match put(path, "text") {
            Err(Error::Io { kind, .. }) => kind,
            other => panic!("expected an error of the system, got {other:?}"),
        };
        assert_eq!(kind(&folder.0), ErrorKind::InvalidInput);
        assert_eq!(kind(&folder.0.join("missing/model")), ErrorKind::NotFound);
        if WEB_ASSEMBLY {
            return;
        }
        let path = folder.0.join("model");
        put(&path, "old").unwrap();
        let mut permissions = fs::metadata(&path).unwrap().permissions();
        permissions.set_readonly(true);
        fs::set_permissions(&path, permissions).unwrap();
        assert_eq!(kind(&path), ErrorKind::PermissionDenied);
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stays_a_link_and_permissions_stay() {
        use std::os::unix::fs::{PermissionsExt, symlink};

        let folder = Folder::new("link");
        let (path, link) = (folder.0.join("model"), folder.0.join("link"));
        put(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        symlink("model", &link).unwrap();
        put(&link, "new").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_to_what_is_not_there_makes_it() {
        use std::os::unix::fs::symlink;

        let folder = Folder::new("dangling");
        let (inner, at) = (folder.0.join("inner"), |name: &str| folder.0.join(name));
        fs::create_dir(&inner).unwrap();
        symlink("model", at("relative")).unwrap();
        symlink(at("model"), at("absolute")).unwrap();
        symlink("relative", at("chain")).unwrap();
        symlink("../chain", inner.join("up")).unwrap();
        symlink("inner", at("folder")).unwrap();
        let links = ["relative", "absolute", "chain", "inner/up", "folder/up"];
        // With nothing at the end, and with a file there.
        for text in ["new", "newer"] {
            for link in links {
                if text == "new" {
                    let _ = fs::remove_file(at("model"));
                }
                put(&at(link), text).unwrap();
                assert_eq!(fs::read_to_string(at("model")).unwrap(), text, "{link}");
                assert!(fs::symlink_metadata(at(link)).unwrap().is_symlink(), "{link}");
            }
        }

        symlink("b", at("a")).unwrap();
        symlink("a", at("b")).unwrap();
        symlink("itself", at("itself")).unwrap();
        symlink("missing/model", at("nowhere")).unwrap();
        for (link, text) in [
            ("a", "expected a link that leads to a file, got more than 40 links in a row"),
            ("itself", "expected a link that leads to a file, got more than 40 links in a row"),
            ("nowhere", "No such file or directory (os error 2)"),
            ("folder", "expected a file, got a folder or a device"),
        ] {
            let before = folder.names().len();
            let error = put(&at(link), "text").unwrap_err().to_string();
            assert_eq!(error, format!("write `{}`: {text}", at(link).display()));
            assert_eq!(folder.names().len(), before, "{link}");
        }
    }
}
