#!/bin/sh
# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

# Boot systemd on a copy of this machine's file system, in namespaces of its
# own: processes, mounts, network, host name.
#
#     unshare --fork --pid --mount --uts --ipc --net boot.sh FOLDER CGROUP
#
# The wheel in FOLDER/wheel is installed in /opt/msrv/.venv, as it would be by
# pip, with the packages in $PACKAGES; FOLDER/files is copied to /. All changes
# are in memory, and end with the namespaces. The host's units don't start, and
# nothing of the host's kernel is set. CGROUP is an empty folder of the version
# 2 hierarchy, and remains.
set -eu
folder=$1
cgroup=$2
if [ -n "$cgroup" ]; then
    echo 0 >"$cgroup/cgroup.procs"
    exec unshare --cgroup "$0" "$folder" ""
fi
cd "$folder"
mkdir memory
mount -t tmpfs -o mode=755 tmpfs memory
mkdir memory/changes memory/work memory/root
mount -t overlay overlay memory/root \
    -o "lowerdir=/,upperdir=memory/changes,workdir=memory/work"
cd memory/root

rm -rf etc/systemd/system etc/msrv etc/systemd/system.conf.d
rm -rf opt/msrv srv/music var/lib/msrv var/lib/private var/log/journal
rm -f etc/fstab
mkdir -p etc/systemd/system
ln -s /dev/null etc/systemd/system/systemd-modules-load.service
cp -R "$folder/files/." .

mount -t proc proc proc
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup

# The interpreter may be in a home folder.
path=$PYTHON
while path=$(dirname "$path") && [ "$path" != / ]; do
    chmod a+rx ".$path"
done
cp "$folder"/wheel/*.whl opt/
chroot . "$PYTHON" -m venv --without-pip /opt/msrv/.venv
site=$(echo opt/msrv/.venv/lib/python*/site-packages)
mkdir ../packages ../packages-work
mount -t overlay overlay "$site" \
    -o "lowerdir=$PACKAGES,upperdir=../packages,workdir=../packages-work"
chroot . "$VENV_PYTHON" -m pip --quiet --python /opt/msrv/.venv/bin/python \
    install --no-deps --no-index --no-compile opt/*.whl

mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs -o mode=1777 tmpfs tmp
mount -t tmpfs -o mode=755 tmpfs dev
for name in null zero full random urandom tty; do
    : >dev/$name
    mount --bind /dev/$name dev/$name
done
mkdir dev/shm dev/pts
mount -t tmpfs -o mode=1777 tmpfs dev/shm
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd

ip link set lo up
mkdir run/host-root
pivot_root . run/host-root
umount -l /run/host-root
# Credentials and private mounts are passed on between namespaces.
mount --make-rshared /
exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin container=namespaces \
    /lib/systemd/systemd --log-target=null --show-status=no \
    systemd.unit=basic.target </dev/null
