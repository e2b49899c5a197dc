//! How many files and sockets this process may have open at a time.
//!
//! Container runtimes start processes with a low soft limit and a high hard one; raising it needs no right.

/// Raises the limit as far as this process may; the limit that holds then, or why it cannot be known.
pub fn raise_limit() -> std::io::Result<u64> {
    rlimit::increase_nofile_limit(u64::MAX)
}

/// The limit that holds now; `None` where the system does not say.
pub fn limit() -> Option<u64> {
    rlimit::getrlimit(rlimit::Resource::NOFILE).ok().map(|(soft, _)| soft)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_limit_is_raised_to_what_holds_afterwards() {
        let before = super::limit().unwrap();
        let after = super::raise_limit().unwrap();
        assert!(after >= before);
        assert_eq!(super::limit(), Some(after));
    }
}
