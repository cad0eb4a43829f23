//! Which process a connection on loopback comes from: `/proc/net/tcp` knows the socket, `/proc/<pid>/fd` its owner.

use std::fs;

/// The owner of the socket that is connected from one port to the other, among these processes.
pub(super) fn find<T>(from: u16, to: u16, processes: impl Iterator<Item = (u32, T)>) -> Option<T> {
    let socket = format!("socket:[{}]", inode(from, to)?);
    processes.into_iter().find(|(pid, _)| holds(*pid, &socket)).map(|(_, it)| it)
}

/// Java's sockets stand among those of IPv6 although they talk IPv4.
fn inode(from: u16, to: u16) -> Option<String> {
    ["/proc/net/tcp", "/proc/net/tcp6"].into_iter().find_map(|table| {
        let table = fs::read_to_string(table).ok()?;
        inode_in(&table, from, to).map(str::to_owned)
    })
}

/// Columns: number, local address, remote address, state, queues, timer, retransmits, user, timeout, inode.
fn inode_in(table: &str, from: u16, to: u16) -> Option<&str> {
    let (local, remote) = (format!(":{from:04X}"), format!(":{to:04X}"));
    table.lines().find_map(|line| {
        let mut columns = line.split_whitespace().skip(1);
        let found = columns.next()?.ends_with(&local) && columns.next()?.ends_with(&remote);
        columns.nth(6).filter(|inode| found && *inode != "0")
    })
}

fn holds(pid: u32, socket: &str) -> bool {
    let Ok(files) = fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
    let mut targets = files.flatten().filter_map(|it| fs::read_link(it.path()).ok());
    targets.any(|it| it.as_os_str() == socket)
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::find;

    #[test]
    fn a_connection_of_this_process_is_found() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let to = listener.local_addr().unwrap().port();
        let stream = TcpStream::connect(("127.0.0.1", to)).unwrap();
        let from = stream.local_addr().unwrap().port();
        let own = std::process::id();
        assert_eq!(find(from, to, [(1, "init"), (own, "us")].into_iter()), Some("us"));
        assert_eq!(find(from, to.wrapping_add(1), [(own, "us")].into_iter()), None);
    }
}
