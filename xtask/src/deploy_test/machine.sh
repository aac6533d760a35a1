# Starts a program as the first process of a machine of its own: mounts, processes, and the network if that is asked for.
# ROOT: its root. CGROUPS: `all` control groups, or `systemd` alone. BINDS: lines of `SOURCE TARGET`. PID_FILE: where to
# say which process it is.
set -eu
mount --make-rprivate /
mount --bind "$ROOT" "$ROOT"
mount -t proc proc "$ROOT/proc"
mount -t sysfs sysfs "$ROOT/sys"

mount -t tmpfs -o mode=755 tmpfs "$ROOT/sys/fs/cgroup"
groups=$(cat /proc/self/cgroup)
mount_group() {
    mkdir -p "$ROOT/sys/fs/cgroup/$1"
    mount -t "$2" -o "$3" "$2" "$ROOT/sys/fs/cgroup/$1"
}
if [ "$(echo "$groups" | cut -c1-3)" = "0::" ]; then
    mount_group . cgroup2 rw
else
    echo "$groups" | while IFS=: read -r _ names _; do
        case "$CGROUPS $names" in
            *" name="*) mount_group "${names#name=}" cgroup "none,$names" ;;
            "all ") mount_group unified cgroup2 rw ;;
            "all "*) mount_group "$names" cgroup "$names" ;;
        esac
    done
fi

mount -t tmpfs -o mode=755 tmpfs "$ROOT/dev"
for device in null zero full random urandom tty; do
    touch "$ROOT/dev/$device"
    mount --bind "/dev/$device" "$ROOT/dev/$device"
done
mkdir "$ROOT/dev/pts" "$ROOT/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$ROOT/dev/pts"
mount -t tmpfs tmpfs "$ROOT/dev/shm"
ln -s pts/ptmx "$ROOT/dev/ptmx"
ln -s /proc/self/fd "$ROOT/dev/fd"
mount -t tmpfs -o mode=755 tmpfs "$ROOT/run"
mount -t tmpfs tmpfs "$ROOT/tmp"

echo "$BINDS" | while read -r source target; do
    [ -n "$source" ] || continue
    mkdir -p "$ROOT/$target"
    mount --rbind "$source" "$ROOT/$target"
done

# A network of its own has a loopback interface that is down.
ip link set lo up
read -r pid _ < /proc/self/stat
echo "$pid" > "$PID_FILE"
mkdir -p "$ROOT/.outside"
cd "$ROOT"
pivot_root . .outside
cd /
umount --lazy /.outside
rmdir /.outside
exec "$@"
