//! The control socket: where it is, how it is bound, and how it goes away.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::{Path, PathBuf};

use thiserror::Error;
use tokio::net::{UnixListener, UnixSocket};

/// Clients that may wait to be accepted.
const BACKLOG: u32 = 128;

/// Why the control socket cannot be bound.
#[derive(Debug, Error)]
pub(crate) enum SocketError {
    #[error(
        "another forebay answers on the control socket {0}\nhelp: stop that one, or choose another --socket, --store \
         and --listen"
    )]
    InUse(String),
    #[error("{0} is not a socket\nhelp: remove it, or choose another path with --socket")]
    NotASocket(String),
    #[error("cannot bind the control socket {path}\nhelp: choose another path with --socket")]
    Bind { path: String, source: io::Error },
}

/// Which socket, in the order of preference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SocketChoice {
    candidates: Vec<PathBuf>,
}

impl SocketChoice {
    /// `--socket` or `FOREBAY_SOCKET` where given; else the system's, the user's, and the temporary place.
    pub(crate) fn new(given: Option<PathBuf>, environment: &dyn Fn(&str) -> Option<OsString>) -> Self {
        if let Some(given) = given {
            return Self { candidates: vec![given] };
        }
        let mut candidates = vec![PathBuf::from("/run/forebay.sock")];
        let runtime = environment("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|path| path.is_absolute());
        candidates.extend(runtime.map(|folder| folder.join("forebay.sock")));
        // The temporary folder belongs to all users: each has a name of their own there.
        let user = rustix::process::getuid().as_raw();
        let temporary = environment("TMPDIR").map(PathBuf::from).filter(|path| path.is_absolute());
        candidates.push(temporary.unwrap_or_else(|| "/tmp".into()).join(format!("forebay-{user}.sock")));
        Self { candidates }
    }

    /// These places and no others.
    #[cfg(test)]
    pub(crate) fn of(candidates: &[&Path]) -> Self {
        Self { candidates: candidates.iter().map(|path| (*path).to_owned()).collect() }
    }

    /// All places, the preferred one first.
    pub(crate) fn candidates(&self) -> &[PathBuf] {
        &self.candidates
    }

    /// Binds the first place whose folder lets us.
    pub(crate) fn bind(&self) -> Result<BoundSocket, SocketError> {
        let mut refused = None;
        for path in &self.candidates {
            match BoundSocket::bind(path) {
                Err(SocketError::Bind { path, source }) if folder_refuses(&source) => {
                    refused = Some(SocketError::Bind { path, source });
                }
                bound_or_final => return bound_or_final,
            }
        }
        Err(refused.unwrap_or_else(|| SocketError::Bind {
            path: "(none)".into(),
            source: io::Error::other("there is no place for it"),
        }))
    }
}

fn folder_refuses(error: &io::Error) -> bool {
    use io::ErrorKind::{NotADirectory, NotFound, PermissionDenied, ReadOnlyFilesystem};
    matches!(error.kind(), NotFound | NotADirectory | PermissionDenied | ReadOnlyFilesystem)
}

/// A socket that listens. Its listener is to be dropped before its file.
#[derive(Debug)]
pub(crate) struct BoundSocket {
    pub(crate) listener: UnixListener,
    pub(crate) file: SocketFile,
}

/// Removes the socket's file at the end.
#[derive(Debug)]
pub(crate) struct SocketFile {
    path: PathBuf,
}

impl BoundSocket {
    fn bind(path: &Path) -> Result<Self, SocketError> {
        let shown = || path.display().to_string();
        let failed = |source| SocketError::Bind { path: shown(), source };
        match fs::metadata(path) {
            Ok(found) if !found.file_type().is_socket() => return Err(SocketError::NotASocket(shown())),
            Ok(_) => match StdUnixStream::connect(path) {
                Ok(_) => return Err(SocketError::InUse(shown())),
                // Its process is dead.
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                    fs::remove_file(path).map_err(failed)?;
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(failed(error)),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(error)),
        }
        let socket = UnixSocket::new_stream().map_err(failed)?;
        socket.bind(path).map_err(failed)?;
        let file = SocketFile { path: path.to_owned() };
        // Nobody can connect before `listen`, so nobody can before the mode is set.
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(failed)?;
        let listener = socket.listen(BACKLOG).map_err(failed)?;
        Ok(Self { listener, file })
    }
}

impl SocketFile {
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Our listener is closed by now. Whoever answers took the place over, and it is not ours to remove;
        // a file that stays by mistake is stale, and the next forebay replaces it.
        if StdUnixStream::connect(&self.path).is_err() {
            fs::remove_file(&self.path).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(path: &Path) -> SocketError {
        BoundSocket::bind(path).map(|_| ()).unwrap_err()
    }

    #[tokio::test]
    async fn is_private_and_goes_away() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f.sock");
        let bound = BoundSocket::bind(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        drop(bound);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn a_live_socket_is_left_alone_and_a_dead_one_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f.sock");
        let BoundSocket { listener, file } = BoundSocket::bind(&path).unwrap();
        let error = refused(&path);
        assert!(error.to_string().starts_with("another forebay answers on the control socket"), "{error}");
        // As after a SIGKILL: the listener is gone, its file is not.
        drop(listener);
        let replaced = BoundSocket::bind(&path).unwrap();
        drop(file);
        assert!(path.exists(), "the file of the second one is not the first one's to remove");
        drop(replaced);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn a_file_that_is_no_socket_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f.sock");
        fs::write(&path, "precious").unwrap();
        let error = refused(&path);
        assert!(matches!(error, SocketError::NotASocket(_)), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    }

    #[tokio::test]
    async fn a_path_that_is_too_long_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let error = refused(&folder.path().join("s".repeat(200)));
        assert!(matches!(error, SocketError::Bind { .. }), "{error}");
    }

    #[test]
    fn prefers_what_is_given_then_the_system_the_user_and_the_temporary_folder() {
        let environment = |name: &str| match name {
            "XDG_RUNTIME_DIR" => Some(OsString::from("/run/user/7")),
            "TMPDIR" => Some(OsString::from("/var/tmp")),
            _ => None,
        };
        let given = SocketChoice::new(Some("x.sock".into()), &environment);
        assert_eq!(given.candidates(), [PathBuf::from("x.sock")]);
        let user = rustix::process::getuid().as_raw();
        let own = PathBuf::from(format!("/var/tmp/forebay-{user}.sock"));
        let chosen = SocketChoice::new(None, &environment);
        assert_eq!(chosen.candidates(), ["/run/forebay.sock".into(), "/run/user/7/forebay.sock".into(), own]);
        let bare = SocketChoice::new(None, &|_| None);
        assert_eq!(bare.candidates().len(), 2);
    }

    #[tokio::test]
    async fn passes_over_folders_that_refuse() {
        let folder = tempfile::tempdir().unwrap();
        let good = folder.path().join("f.sock");
        let choice = SocketChoice::of(&["/proc/forebay.sock".as_ref(), &good]);
        assert_eq!(choice.bind().unwrap().file.path(), good);
        let choice = SocketChoice::of(&[&folder.path().join("absent/f.sock")]);
        assert!(matches!(choice.bind().unwrap_err(), SocketError::Bind { .. }));
    }
}
