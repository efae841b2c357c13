# Where log files are and how long. In: $home, and shell patterns below it as "$@".
cd -- "$home" 2>/dev/null || { echo "homeless $home"; exit 0; }
IFS=  # patterns are expanded, but not split into words
for pattern in "$@"; do
  matched=no
  for file in $pattern; do
    [ -e "$file" ] || continue
    matched=yes
    # A file emptied and written anew may be as long as it was, but does not begin the same.
    if [ -f "$file" ] && [ -r "$file" ]; then
      echo "file $(stat -L -c '%i %s' -- "$file") $(head -c 256 -- "$file" | cksum | tr ' ' :) $file"
    else
      echo "unreadable $file"
    fi
  done
  echo "$matched $pattern"
  # What was rotated away lies beside it under another name.
  case $pattern in */*) beside=${pattern%/*} ;; *) beside=. ;; esac
  stat -L -c 'beside %i %s - %n' -- $beside/* 2>/dev/null
done
exit 0
