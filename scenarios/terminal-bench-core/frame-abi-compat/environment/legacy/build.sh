set -e
cd /tmp/legacy
mkdir -p /opt/legacy
# the old libraries are needed for linking only: stubs with the right versions
printf 'void frame_checksum(void){} void frame_encode(void){} void frame_scan(void){} void frame_set_trace(void){} void frame_decode(void){}\n' > stub.c
gcc -shared -fPIC -w -Wl,-soname,libframe.so.1 -Wl,--version-script=v1.map -o libframe10.so stub.c
gcc -shared -fPIC -w -Wl,-soname,libframe.so.1 -Wl,--version-script=v11.map -o libframe11.so stub.c
gcc -O1 -s -I/app/abi -o /opt/legacy/scan10 scan10.c ./libframe10.so
gcc -O1 -s -I/app/abi -o /opt/legacy/tool11 tool11.c ./libframe11.so
