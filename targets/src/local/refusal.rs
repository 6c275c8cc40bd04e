//! What a machine refuses, why, and how to get it. To explain is pure: what it needs to know of
//! the system comes as [`Facts`].
//!
//! Containers and distributions forbid namespaces in different ways that look alike: `unshare` says
//! "operation not permitted" under Docker's seccomp filter and under a sysctl of old Debian, and
//! Ubuntu's AppArmor lets `unshare` pass and refuses the first use. So the advice is found from the
//! switches that the system shows, not from the error alone.

use nix::errno::Errno;

/// What the namespaced fabric is built from, in the order in which each needs those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Piece {
    /// `/proc`, from which a process reads about itself.
    Proc,
    /// A user namespace: rights over one's own namespaces without being root.
    UserNamespace,
    /// The identity map of a user namespace, without which it grants nothing.
    IdentityMap,
    /// A process namespace: when its first process dies, the kernel kills all others.
    ProcessNamespace,
    /// A network namespace.
    NetworkNamespace,
    /// A pair of virtual Ethernet interfaces.
    Veth,
    /// A packet socket with `PACKET_VNET_HDR` and `PACKET_IGNORE_OUTGOING`.
    PacketSocket,
}

impl Piece {
    /// All, in order.
    pub const ALL: [Self; 7] = [
        Self::Proc,
        Self::UserNamespace,
        Self::IdentityMap,
        Self::ProcessNamespace,
        Self::NetworkNamespace,
        Self::Veth,
        Self::PacketSocket,
    ];

    /// Its name in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Proc => "/proc",
            Self::UserNamespace => "user namespaces",
            Self::IdentityMap => "the map of a user namespace",
            Self::ProcessNamespace => "process namespaces",
            Self::NetworkNamespace => "network namespaces",
            Self::Veth => "veth interfaces",
            Self::PacketSocket => "packet sockets",
        }
    }
}

/// What a process can read about the system and itself. A file that is missing is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// `6.18.44-generic`.
    pub kernel: Option<String>,
    /// The user id.
    pub uid: u32,
    /// The effective capabilities, a bit each.
    pub capabilities: Option<u64>,
    /// Whether a system call filter is installed, as in most containers.
    pub seccomp: Option<bool>,
    /// `kernel.unprivileged_userns_clone`, a switch of Debian's kernels up to 2021.
    pub unprivileged_userns_clone: Option<u64>,
    /// `kernel.apparmor_restrict_unprivileged_userns`, a switch of Ubuntu's kernels since 23.10.
    pub apparmor_restricts_userns: Option<u64>,
    /// `user.max_user_namespaces`.
    pub max_user_namespaces: Option<u64>,
    /// `user.max_pid_namespaces`.
    pub max_pid_namespaces: Option<u64>,
    /// `user.max_net_namespaces`.
    pub max_net_namespaces: Option<u64>,
    /// `net.core.rmem_max` in bytes: the most that an ordinary user's port can buffer.
    pub rmem_max_bytes: Option<u64>,
}

/// CAP_NET_ADMIN, CAP_NET_RAW and CAP_SYS_ADMIN, as bits.
const NEEDED_BY_ROOT: u64 = 1 << 12 | 1 << 13 | 1 << 21;

impl Facts {
    /// Reads the facts of this process and system.
    pub fn read() -> Self {
        let text = |path: &str| std::fs::read_to_string(path).ok();
        let number = |path: &str| text(path)?.trim().parse().ok();
        let status = text("/proc/self/status");
        let field = |name: &str| {
            let line = status.as_ref()?.lines().find_map(|line| line.strip_prefix(name))?;
            Some(line.trim_start_matches(':').trim().to_owned())
        };
        Self {
            kernel: text("/proc/sys/kernel/osrelease").map(|line| line.trim().to_owned()),
            uid: nix::unistd::geteuid().as_raw(),
            capabilities: field("CapEff").and_then(|hex| u64::from_str_radix(&hex, 16).ok()),
            seccomp: field("Seccomp").map(|mode| mode != "0"),
            unprivileged_userns_clone: number("/proc/sys/kernel/unprivileged_userns_clone"),
            apparmor_restricts_userns: number(
                "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
            ),
            max_user_namespaces: number("/proc/sys/user/max_user_namespaces"),
            max_pid_namespaces: number("/proc/sys/user/max_pid_namespaces"),
            max_net_namespaces: number("/proc/sys/user/max_net_namespaces"),
            rmem_max_bytes: number("/proc/sys/net/core/rmem_max"),
        }
    }

    /// Whether this process may make namespaces as it is, without a user namespace around them.
    pub fn is_privileged(&self) -> bool {
        self.capabilities.is_some_and(|held| held & NEEDED_BY_ROOT == NEEDED_BY_ROOT)
    }
}

/// The machine does not grant what the fabric needs. The caller goes on without it, and says so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} cannot be had ({detail}); {help}", .piece.name())]
pub struct Refused {
    /// What is missing.
    pub piece: Piece,
    /// What was tried, and what the system said.
    pub detail: String,
    /// What to do about it.
    pub help: String,
}

impl Refused {
    /// Finds out from the facts why `piece` was refused with `errno`.
    pub fn explain(piece: Piece, detail: &str, errno: Errno, facts: &Facts) -> Self {
        let detail = if detail.is_empty() {
            errno.desc().to_lowercase()
        } else {
            format!("{detail}: {}", errno.desc().to_lowercase())
        };
        Self { piece, detail, help: help(piece, errno, facts) }
    }
}

const SECCOMP_HELP: &str = "a system call filter is installed, as in a container: start the \
    container with `--security-opt seccomp=unconfined` (Docker, Podman) or `--cap-add SYS_ADMIN`";
const APPARMOR_HELP: &str = "AppArmor keeps user namespaces from ordinary programs here (Ubuntu \
    23.10 and later): run `sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0`, give \
    `tribunal` an AppArmor profile with `userns,`, or run it as root";

fn help(piece: Piece, errno: Errno, facts: &Facts) -> String {
    let none_left = |sysctl: &str| format!("none are allowed: run `sudo sysctl -w {sysctl}=10000`");
    let limits = [
        (Piece::UserNamespace, facts.max_user_namespaces, "user.max_user_namespaces"),
        (Piece::ProcessNamespace, facts.max_pid_namespaces, "user.max_pid_namespaces"),
        (Piece::NetworkNamespace, facts.max_net_namespaces, "user.max_net_namespaces"),
    ];
    if let Some((_, limit, sysctl)) = limits.iter().find(|(of, ..)| *of == piece) {
        if *limit == Some(0) {
            return none_left(sysctl);
        }
        if errno == Errno::ENOSPC {
            return format!(
                "there are as many as {sysctl} allows, or they nest too deep: raise it"
            );
        }
    }
    let denied = matches!(errno, Errno::EPERM | Errno::EACCES);
    match piece {
        Piece::Proc => "mount a proc file system at /proc".to_owned(),
        Piece::UserNamespace if facts.unprivileged_userns_clone == Some(0) => {
            "run `sudo sysctl -w kernel.unprivileged_userns_clone=1`, or run as root".to_owned()
        }
        Piece::UserNamespace if errno == Errno::EINVAL => {
            "the kernel is built without them (CONFIG_USER_NS): run as root".to_owned()
        }
        _ if denied && facts.apparmor_restricts_userns == Some(1) && !facts.is_privileged() => {
            APPARMOR_HELP.to_owned()
        }
        _ if denied && facts.seccomp == Some(true) => SECCOMP_HELP.to_owned(),
        Piece::UserNamespace | Piece::IdentityMap => {
            "run as root, or ask who runs this machine why user namespaces are denied".to_owned()
        }
        Piece::ProcessNamespace => {
            "the kernel needs CONFIG_PID_NS and the process CAP_SYS_ADMIN".to_owned()
        }
        Piece::NetworkNamespace => {
            "the kernel needs CONFIG_NET_NS and the process CAP_SYS_ADMIN".to_owned()
        }
        Piece::Veth => "load the kernel's module: `sudo modprobe veth`".to_owned(),
        Piece::PacketSocket => {
            "load the kernel's module: `sudo modprobe af_packet`; Linux 4.20 is the oldest \
             that will do"
                .to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Facts, Piece, Refused};
    use nix::errno::Errno;

    fn says(piece: Piece, errno: Errno, facts: &Facts) -> String {
        Refused::explain(piece, "", errno, facts).to_string()
    }

    #[test]
    fn each_known_refusal_gets_its_own_advice() {
        let plain = Facts { uid: 1000, capabilities: Some(0), ..Facts::default() };
        let docker = Facts { seccomp: Some(true), ..plain.clone() };
        let ubuntu = Facts { apparmor_restricts_userns: Some(1), ..plain.clone() };
        let debian = Facts { unprivileged_userns_clone: Some(0), ..plain.clone() };
        let none = Facts { max_user_namespaces: Some(0), ..plain.clone() };
        let user = Piece::UserNamespace;
        let cases = [
            (user, Errno::EPERM, &docker, "seccomp=unconfined"),
            (user, Errno::EPERM, &debian, "kernel.unprivileged_userns_clone=1"),
            (user, Errno::ENOSPC, &none, "user.max_user_namespaces=10000"),
            (user, Errno::ENOSPC, &plain, "raise it"),
            (user, Errno::EINVAL, &plain, "CONFIG_USER_NS"),
            (user, Errno::EPERM, &plain, "run as root"),
            (Piece::IdentityMap, Errno::EPERM, &ubuntu, "AppArmor"),
            (Piece::NetworkNamespace, Errno::EPERM, &ubuntu, "AppArmor"),
            (Piece::Veth, Errno::EOPNOTSUPP, &docker, "modprobe veth"),
            (Piece::PacketSocket, Errno::EAFNOSUPPORT, &plain, "modprobe af_packet"),
            (Piece::Proc, Errno::ENOENT, &plain, "mount a proc"),
        ];
        for (piece, errno, facts, advice) in cases {
            let said = says(piece, errno, facts);
            assert!(said.contains(advice), "{said:?} should advise {advice:?}");
        }
    }

    #[test]
    fn a_refusal_is_one_sentence_with_what_why_and_what_to_do() {
        let facts = Facts { max_net_namespaces: Some(0), ..Facts::default() };
        assert_eq!(
            says(Piece::NetworkNamespace, Errno::ENOSPC, &facts),
            "network namespaces cannot be had (no space left on device); none are allowed: run \
             `sudo sysctl -w user.max_net_namespaces=10000`"
        );
    }

    #[test]
    fn root_in_a_default_container_is_not_privileged() {
        let of = |capabilities| Facts { capabilities: Some(capabilities), ..Facts::default() };
        assert!(of(0x1ff_ffff_ffff).is_privileged());
        assert!(!of(0xa804_25fb).is_privileged(), "Docker's default set");
        assert!(!Facts::default().is_privileged(), "unknown is not a yes");
    }
}
