#!/bin/busybox sh
# The first process of the virtual machine of restored.py: brings the network up and runs command-api. What /environment
# names on loopback is the host's: its ports are passed on there.
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc none /proc
mount -t devtmpfs none /dev
. /environment
for module in $MODULES; do
    insmod "/modules/$module.ko"
done
ifconfig lo 127.0.0.1 up
ifconfig eth0 10.0.2.15 netmask 255.255.255.0 up
route add default gw 10.0.2.2
for port in $HOST_PORTS; do
    nc -ll -p "$port" -e /bin/nc 10.0.2.2 "$port" &
done
command-api
echo "command-api ended with exit code $?"
poweroff -f
