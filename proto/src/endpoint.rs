//! How admins are reached: host:port, in plain or by TLS.

use std::path::{Path, PathBuf};

use tonic::transport::{Certificate, ClientTlsConfig, Endpoint, Error, Identity, ServerTlsConfig};

/// Whose certificates are trusted on the ports of admins.
#[derive(Clone, Default)]
pub struct Trust {
    tls: Option<ClientTlsConfig>,
}

impl std::fmt::Debug for Trust {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.tls.is_some() { "Tls" } else { "Plain" })
    }
}

/// A file with a certificate or a key that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{setting} names {}, which cannot be read: {source}", file.display())]
pub struct TlsFileError {
    setting: &'static str,
    file: PathBuf,
    source: std::io::Error,
}

impl Trust {
    /// TLS, trusting the authority of this file, or those of the machine if there is none.
    pub fn tls(ca_file: Option<&Path>) -> Result<Self, TlsFileError> {
        let config = ClientTlsConfig::new();
        let config = match ca_file {
            Some(file) => {
                config.ca_certificate(Certificate::from_pem(read("hera.tls.caFile", file)?))
            }
            None => config.with_native_roots(),
        };
        Ok(Self { tls: Some(config) })
    }

    /// Whether connections are encrypted.
    pub fn is_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// The admin at `host:port`.
    pub fn endpoint(&self, address: &str) -> Result<Endpoint, Error> {
        match &self.tls {
            Some(tls) => {
                Endpoint::from_shared(format!("https://{address}"))?.tls_config(tls.clone())
            }
            None => Endpoint::from_shared(format!("http://{address}")),
        }
    }
}

/// How a port proves who it is.
pub fn server_tls(cert_file: &Path, key_file: &Path) -> Result<ServerTlsConfig, TlsFileError> {
    let cert = read("hera.tls.certFile", cert_file)?;
    let key = read("hera.tls.keyFile", key_file)?;
    Ok(ServerTlsConfig::new().identity(Identity::from_pem(cert, key)))
}

fn read(setting: &'static str, file: &Path) -> Result<Vec<u8>, TlsFileError> {
    std::fs::read(file).map_err(|source| TlsFileError {
        setting,
        file: file.to_owned(),
        source,
    })
}
