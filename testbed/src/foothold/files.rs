//! Reading files by handle: what lies on a host the attacker is on, and what the kernel lets them read of it.

use std::{future::Future, pin::Pin, sync::Arc};

use bytes::Bytes;

use super::reach::{Answer, TargetId};

/// A file a position can name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileView {
    /// The handle; it carries no path.
    pub id: TargetId,
    /// `host/name`, for people.
    pub label: String,
}

/// What the launch puts behind [`Files`].
pub trait FilesBackend: Send + Sync + 'static {
    /// Everything this position can name, in a stable order.
    fn files(&self) -> Vec<FileView>;

    /// The whole of a file, or what the kernel said instead.
    fn read(&self, file: TargetId) -> Pin<Box<dyn Future<Output = Result<Bytes, Answer>> + Send + '_>>;
}

/// The capability to read files.
#[derive(Clone)]
pub struct Files(Arc<dyn FilesBackend>);

impl Files {
    /// Wraps a backend.
    pub fn new(backend: Arc<dyn FilesBackend>) -> Self {
        Self(backend)
    }

    /// Everything this position can name.
    pub fn files(&self) -> Vec<FileView> {
        self.0.files()
    }

    /// The whole of a file.
    pub async fn read(&self, file: TargetId) -> Result<Bytes, Answer> {
        self.0.read(file).await
    }
}
