# Lays the file tree of a host made by root: thin layers over the machine's own root file system.
# Read by build.sh, which has the host's memory in the working directory.

# The layers are copied because an overlay refuses one inside another.
cp -a "$folder/seed" "$folder/../hidden" .
mkdir upper work root
layers=lowerdir=$PWD/seed:$PWD/hidden:/,upperdir=$PWD/upper,workdir=$PWD/work
mount -t overlay -o "$layers" raftfleet root
cd root
