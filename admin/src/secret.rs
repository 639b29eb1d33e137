//! Random secrets, and how they are compared.

use rand::Rng;
use sha2::{Digest, Sha256};

/// A new secret of 256 bits, as 64 hexadecimal digits.
pub fn generate() -> String {
    let mut bytes = [0_u8; 32];
    rand::rng().fill_bytes(&mut bytes);
    hex(&bytes)
}

/// What is stored of a secret: its SHA-256. Enough for secrets that are random themselves;
/// passwords are hashed by argon2.
pub fn digest(secret: &str) -> String {
    hex(&Sha256::digest(secret.as_bytes()))
}

/// Whether two secrets are equal. Compared by digest: how long it takes says nothing of where
/// they differ.
pub fn equal(given: &str, expected: &str) -> bool {
    digest(given) == digest(expected)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_differ_and_compare_by_value() {
        let (one, other) = (generate(), generate());
        assert_eq!(one.len(), 64);
        assert!(!equal(&one, &other));
        assert!(equal(&one, &one.clone()));
        assert!(!equal("", &one));
    }
}
