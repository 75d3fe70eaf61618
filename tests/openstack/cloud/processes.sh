# Starting, finding and ending the control plane's processes. Sourced, after env.sh.
# shellcheck shell=bash

started_at() { # pid: the kernel's clock ticks at its start, which tell a process from a later one of its number
    sed 's/^.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20
}

pid_of() { # name: the process id of what `spawn` started under that name, if it still runs
    local pid ticks
    [ -r "$RUN/$1.pid" ] && read -r pid ticks <"$RUN/$1.pid" && [ "$(started_at "$pid")" = "$ticks" ] && echo "$pid"
}

alive() { pid_of "$1" >/dev/null; }

spawn() { # name command…: starts it in a session of its own, unless it runs already
    local name=$1
    shift
    alive "$name" && return
    # 9 is the lock of `up`, which must not outlive it.
    setsid "$@" >>"$LOG/$name.out" 2>&1 </dev/null 9>&- &
    echo "$! $(started_at $!)" >"$RUN/$name.pid"
}

end() { # name…: asks all of them to end, and after 15 seconds makes them
    local name pid groups=() deadline=$((SECONDS + 15))
    for name in "$@"; do
        if pid=$(pid_of "$name"); then
            kill -TERM -- "-$pid"
            groups+=("$pid")
        fi
        rm -f "$RUN/$name.pid"
    done
    for pid in "${groups[@]}"; do # what leads a group may end before the rest of it
        while kill -0 -- "-$pid" 2>/dev/null && [ "$SECONDS" -lt "$deadline" ]; do sleep 0.1; done
        kill -KILL -- "-$pid" 2>/dev/null
    done
}

port_is_open() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

await_port() { # port name seconds: waits until that process listens
    local deadline=$((SECONDS + $3))
    until port_is_open "$1"; do
        if ! alive "$2"; then
            tail -n 20 "$LOG/$2.out" >&2
            die "$2 has ended; see $LOG/$2.*"
        fi
        [ "$SECONDS" -lt "$deadline" ] || die "$2 does not listen on port $1; see $LOG/$2.*"
        sleep 0.2
    done
}

sql() { mariadb --no-defaults -S "$RUN/mysql.sock" -uroot "$@"; }
