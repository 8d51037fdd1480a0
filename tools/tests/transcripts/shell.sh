# SPDX-License-Identifier: MIT
# test: mem=256M time=120
# The shell itself: pipes, redirections, jobs, signals, globbing, here-documents.
## pipes and exit status
false | true; echo $?
true | false; echo $?
seq 1 1000 | wc -l
seq 1 100000 | tail -1
yes | head -3
## redirection
echo one > f; echo two >> f; cat < f; cat f f > g; wc -c g
ls nosuch 2> err; cat err
exec 5> h; echo five >&5; exec 5>&-; cat h
cat <<X
here $((6 * 7))
X
## globbing and names
touch a1 a2 b1 .hidden "with space"; echo *; echo [ab]1; ls -a; rm "with space"; ls
## background and wait
sleep 0.1 & p=$!; wait $p; echo $?
(exit 3) & wait $!; echo $?
for i in 1 2 3; do (sleep 0.0$i; exit $i) & done; wait; echo all
## signals
sh -c 'kill -TERM $$'; echo $?
sh -c 'kill -KILL $$'; echo $?
sh -c 'kill -SEGV $$' 2>/dev/null; echo $?
sh -c 'trap "echo caught; exit 9" USR1; kill -USR1 $$; sleep 1'; echo $?
## subshells and functions
x=1; (x=2; echo $x); echo $x
f() { local y=$1; [ $y -gt 0 ] && { echo $y; f $((y - 1)); }; }; f 5
## command not found
nosuchcommand; echo $?
./nosuchfile; echo $?
echo text > notexec; ./notexec; echo $?
## broken pipe
yes | head -1; echo done
## limits and umask
umask; umask 077; touch f; stat -c %a f; ulimit -n
