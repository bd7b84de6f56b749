"""The supervisor with processes that crash, hang, refuse and vanish."""

import json
import os
import pathlib
import signal
import socket
import stat
import time

import support
from support import is_alive, wait_until

QUIET = "[busbar]\nlog_level = info\n"
TWO = QUIET + "[sim good1]\n[sim good2]\n"


def processes(status):
    return {p["name"]: p for p in status["processes"]}


class SupervisorTest(support.IntegrationTest):
    def stage(self, config):
        """A bench in which puppets play all programs but the bus."""
        bench = self.bench(config)
        bench.use_puppets("sim", "aggregator")
        return bench


class Start(SupervisorTest):
    def test_runs_what_is_configured_and_says_so(self):
        bench = self.stage(TWO).start()
        status = bench.status()
        self.assertEqual(
            [p["name"] for p in status["processes"]], ["bus", "aggregator", "sim-good1", "sim-good2"]
        )
        self.assertEqual(status["pid"], bench.process.pid)
        self.assertEqual(status["config"], str(bench.config))
        good = processes(status)["sim-good1"]
        self.assertEqual(good["section"], "good1")
        self.assertEqual(good["restarts"], 0)
        self.assertNotIn("reason", good)
        self.assertTrue(is_alive(good["pid"]))
        self.assertGreater(good["rss_kb"], 0)

    def test_later_ones_start_when_earlier_ones_are_ready(self):
        bench = self.stage(TWO).start()
        log = bench.log()
        self.assertLess(log.index("bus: running"), log.index("aggregator: started"))
        self.assertLess(log.index("aggregator: running"), log.index("sim-good1: started"))

    def test_one_that_never_gets_ready_does_not_hold_up_the_others(self):
        bench = self.bench(QUIET + "[sim mute]\n[serial a]\ndevice = ports/a\ndriver = jbd\n")
        bench.use_puppets("sim", "aggregator", "serial")
        bench.start(wait=False)
        bench.wait_process("sim-mute", lambda p: p["state"] == "starting")
        bench.wait_running("serial-a")
        self.assertEqual(bench.find("sim-mute")["state"], "starting")

    def test_shows_what_processes_report(self):
        bench = self.stage(TWO).start()
        found = bench.wait_process(
            "sim-good1", lambda p: "messages_in_per_s" in p and "cpu_percent" in p, what="rates"
        )
        self.assertEqual(found["status"], "playing good")
        # The puppet counts one message in and two out per turn.
        self.assertAlmostEqual(found["messages_out_per_s"], 2 * found["messages_in_per_s"], delta=0.3)

    def test_table_lists_every_process_in_columns(self):
        bench = self.stage(TWO).start()
        lines = bench.busbar("status", check=True).stdout.splitlines()
        self.assertIn(str(bench.config), lines[0])
        column = lines[1].index("STATE")
        for line, name in zip(lines[2:], ("bus", "aggregator", "sim-good1", "sim-good2"), strict=True):
            self.assertEqual(line.split()[0], name)
            self.assertTrue(line[column:].startswith("running"), line)

    def test_gives_each_process_a_clean_place(self):
        bench = self.stage(TWO)
        read, write = os.pipe()
        self.addCleanup(os.close, read)
        bench.start(pass_fds=(write,))
        os.close(write)
        (start,) = bench.starts("sim-good1")
        self.assertEqual(start["descriptors"], [0, 1, 2])
        self.assertEqual(int(start["blocked"], 16), 0)
        self.assertEqual(start["group"], start["pid"])
        self.assertEqual(start["watchdog_pid"], str(start["pid"]))
        self.assertGreater(int(start["watchdog_usec"]), 0)
        self.assertEqual(start["given"]["section"], "good1")
        self.assertEqual(start["given"]["run-dir"], str(bench.run_dir))
        self.assertEqual(start["given"]["state-dir"], str(bench.state_dir))

    def test_run_directory_is_private(self):
        bench = self.stage(QUIET).start()
        self.assertEqual(stat.S_IMODE(bench.run_dir.stat().st_mode), 0o700)
        for name in ("notify", "busbar.conf", "lock"):
            self.assertEqual(stat.S_IMODE((bench.run_dir / name).stat().st_mode), 0o600)

    def test_run_directory_that_cannot_be_made_is_one_clear_line(self):
        bench = self.stage(QUIET)
        bench.run_dir = bench.folder / "no" / "run"
        bench.start(wait=False)
        self.assertEqual(bench.wait_end(), 1)
        (line,) = bench.log().splitlines()
        self.assertIn(f"{bench.run_dir}: cannot be made", line)

    def test_run_directory_open_to_everybody_is_refused(self):
        bench = self.stage(QUIET)
        bench.run_dir.mkdir()
        bench.run_dir.chmod(0o777)
        bench.start(wait=False)
        self.assertEqual(bench.wait_end(), 1)
        self.assertIn("everybody can write it", bench.log())

    def test_without_state_directory_it_warns_once_and_goes_on(self):
        bench = self.stage(TWO)
        bench.state_dir = bench.folder / "no" / "state"
        bench.start()
        self.assertEqual(bench.log().count("nothing will survive a restart"), 1)
        (start,) = bench.starts("sim-good1")
        self.assertNotIn("state-dir", start["given"])

    def test_only_one_per_run_directory(self):
        bench = self.stage(TWO).start()
        pids = bench.pids()
        second = bench.busbar("run", "--run-dir", bench.run_dir, "--config", bench.config)
        self.assertEqual(second.returncode, 1)
        self.assertIn(f"busbar already runs here, process {bench.process.pid}", second.stderr)
        self.assertEqual(bench.pids(), pids)

    def test_bad_configuration_starts_nothing_and_names_every_error(self):
        bench = self.stage("[busbar]\nlog_levle = info\n[sim good1]\ncells = many\n[smi x]\n")
        bench.start(wait=False)
        self.assertEqual(bench.wait_end(), 78)
        log = bench.log()
        self.assertIn(f"{bench.config}:2 [busbar] log_levle: unknown option; did you mean 'log_level'", log)
        self.assertIn(f"{bench.config}:4 [sim good1] cells", log)
        self.assertIn(f"{bench.config}:5 [smi x]: unknown section; did you mean [sim]", log)
        self.assertEqual(bench.starts("sim-good1"), [])

    def test_named_configuration_that_is_not_there_is_an_error(self):
        bench = self.stage(None)
        result = bench.busbar("run", "--run-dir", bench.run_dir, "--config", bench.config)
        self.assertEqual(result.returncode, 78)
        self.assertIn(str(bench.config), result.stderr)


class Deaths(SupervisorTest):
    def test_killed_process_is_back_at_once_and_the_others_do_not_notice(self):
        bench = self.stage(TWO).start()
        before = bench.pids()
        os.kill(before["sim-good1"], signal.SIGKILL)
        found = bench.wait_process(
            "sim-good1", lambda p: p["state"] == "running" and p["pid"] != before["sim-good1"]
        )
        self.assertEqual(found["reason"], "killed by signal 9")
        self.assertEqual(found["restarts"], 1)
        after = bench.pids()
        self.assertEqual({n for n in before if after[n] != before[n]}, {"sim-good1"})
        self.assertIn("killed by signal 9; next start in 0 s", bench.log())

    def test_killed_bus_is_back_and_the_others_do_not_notice(self):
        bench = self.stage(TWO).start()
        before = bench.pids()
        os.kill(before["bus"], signal.SIGKILL)
        bench.wait_process("bus", lambda p: p["state"] == "running" and p["pid"] != before["bus"])
        after = bench.pids()
        self.assertEqual({n for n in before if after[n] != before[n]}, {"bus"})

    def test_hung_process_is_killed_by_its_watchdog(self):
        bench = self.stage(TWO).start()
        before = bench.pids()
        os.kill(before["sim-good1"], signal.SIGSTOP)
        found = bench.wait_process(
            "sim-good1", lambda p: p["state"] == "running" and p["pid"] != before["sim-good1"]
        )
        self.assertTrue(found["reason"].startswith("watchdog"), found["reason"])
        self.assertFalse(is_alive(before["sim-good1"]))
        after = bench.pids()
        self.assertEqual({n for n in before if after[n] != before[n]}, {"sim-good1"})

    def test_process_that_never_gets_ready_is_killed(self):
        bench = self.stage(QUIET + "[sim mute]\n")
        bench.start(wait=False)
        first = bench.wait_process("sim-mute", lambda p: p["state"] == "starting")["pid"]
        # A stranger's word does not count.
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as stranger:
            stranger.sendto(b"READY=1\nWATCHDOG=1", str(bench.run_dir / "notify"))
        found = bench.wait_process("sim-mute", lambda p: p["restarts"] > 0, timeout=25)
        self.assertTrue(found["reason"].startswith("watchdog: not ready"), found["reason"])
        self.assertFalse(is_alive(first))

    def test_crash_loop_is_slowed_down_and_never_given_up(self):
        bench = self.stage(QUIET + "[sim crash]\n[sim good1]\n")
        bench.start(wait=False)
        bench.wait_process("sim-crash", lambda p: p["restarts"] >= 5, timeout=30)
        times = [start["at"] for start in bench.starts("sim-crash")][:5]
        gaps = [later - earlier for earlier, later in zip(times, times[1:])]
        self.assertLess(gaps[0], gaps[1])
        for gap, least in zip(gaps[1:], (0.5, 1.0, 2.0)):
            self.assertGreaterEqual(gap, least)
        found = bench.find("sim-crash")
        self.assertEqual(found["reason"], "exit 1")
        self.assertEqual(found["state"], "waiting")
        self.assertGreater(found["next_start_ms"], 0)
        self.assertEqual(len(bench.starts("sim-good1")), 1)

    def test_process_whose_configuration_is_wrong_waits_for_another_one(self):
        bench = self.stage(QUIET + "[sim config]\n[sim good1]\n")
        bench.start(wait=False)
        found = bench.wait_process("sim-config", lambda p: p["state"] == "failed")
        self.assertIn("configuration is wrong", found["reason"])
        self.assertGreater(found["next_start_ms"], 5000)
        bench.write_config(QUIET + "[sim config]\nsoc = 44\n[sim good1]\n")
        bench.busbar("reload", check=True)
        self.assertEqual(len(bench.starts("sim-config")), 2)
        self.assertEqual(len(bench.starts("sim-good1")), 1)

    def test_kill_9_of_the_supervisor_takes_everything_along(self):
        bench = self.stage(TWO + "[sim stubborn]\n").start()
        pids = bench.pids()
        bench.kill()
        wait_until(lambda: not any(map(is_alive, pids.values())), 2, "all children gone")
        bench.start()  # what the killed one left behind is in nobody's way
        self.assertFalse(set(pids.values()) & set(bench.pids().values()))

    def test_supervisor_that_was_stopped_blames_nobody(self):
        bench = self.stage(TWO).start()
        before = bench.pids()
        bench.process.send_signal(signal.SIGSTOP)
        time.sleep(7)  # longer than any watchdog: time itself is what is tested
        bench.process.send_signal(signal.SIGCONT)
        started = bench.status()["uptime_ms"]
        bench.wait_status(lambda s: s["uptime_ms"] > started + 3000)
        self.assertEqual(bench.pids(), before)
        self.assertNotIn("hangs", bench.log())


    def test_log_that_nobody_reads_stops_nothing(self):
        bench = self.stage(TWO)
        read, write = os.pipe()
        self.addCleanup(os.close, read)
        os.set_blocking(write, False)
        try:
            while True:
                os.write(write, b"x" * 4096)
        except BlockingIOError:
            os.set_blocking(write, True)
        bench.start(stderr=write)
        os.close(write)
        before = bench.signal("sim-good1", signal.SIGKILL)
        bench.wait_process("sim-good1", lambda p: p["state"] == "running" and p["pid"] != before)
        bench.busbar("restart", "bus", check=True)
        self.assertEqual(bench.stop(), 0)


class Stop(SupervisorTest):
    def test_sigterm_ends_everything_the_bus_last(self):
        bench = self.stage(TWO).start()
        pids = bench.pids()
        self.assertEqual(bench.stop(), 0)
        self.assertFalse(any(map(is_alive, pids.values())))
        log = bench.log()
        for name in ("sim-good1", "sim-good2", "aggregator"):
            self.assertLess(
                log.index(f"{name}: process {pids[name]}: stopped"),
                log.index(f"bus: process {pids['bus']}: stopped"),
            )

    def test_who_does_not_stop_is_killed_within_three_seconds(self):
        bench = self.stage(TWO + "[sim stubborn]\n").start()
        pids = bench.pids()
        bench.process.terminate()
        self.assertEqual(bench.wait_end(3.0), 0)
        self.assertFalse(any(map(is_alive, pids.values())))
        self.assertIn("stopped, by force", bench.log())

    def test_processes_of_processes_end_too(self):
        bench = self.stage(QUIET + "[sim family]\n").start()
        parent = bench.pid("sim-family")
        children = pathlib.Path(f"/proc/{parent}/task/{parent}/children")
        grandchild = int(wait_until(lambda: children.read_text().split(), what="grandchild")[0])
        bench.busbar("stop", "sim-family", check=True)
        wait_until(lambda: not is_alive(grandchild), what="grandchild gone")


class Reload(SupervisorTest):
    def test_touches_only_what_changed(self):
        bench = self.stage(QUIET + "[sim good1]\n[sim good2]\n[sim good3]\n").start()
        before = bench.pids()
        bench.write_config(QUIET + "[sim good1]\n[sim good2]\nsoc = 70\n[sim good4]\n")
        result = bench.busbar("reload", check=True)
        self.assertIn("3 kept, 1 started, 1 stopped, 1 restarted; 5 of 5 running", result.stdout)
        after = bench.pids()
        self.assertEqual(set(after), {"bus", "aggregator", "sim-good1", "sim-good2", "sim-good4"})
        for name in ("bus", "aggregator", "sim-good1"):
            self.assertEqual(after[name], before[name])
        self.assertNotEqual(after["sim-good2"], before["sim-good2"])
        self.assertFalse(is_alive(before["sim-good3"]))
        self.assertEqual(bench.find("sim-good2")["restarts"], 0)

    def test_sighup_does_the_same(self):
        bench = self.stage(TWO).start()
        before = bench.pids()
        bench.write_config(TWO + "[sim good3]\n")
        bench.process.send_signal(signal.SIGHUP)
        bench.wait_running("sim-good3")
        after = bench.pids()
        self.assertEqual({n: after[n] for n in before}, before)

    def test_faulty_configuration_changes_nothing(self):
        bench = self.stage(TWO).start()
        before = bench.pids()
        bench.write_config("[sim good1]\nsocc = 4\n[bus]\ncache_topics = none\n")
        result = bench.busbar("reload")
        self.assertEqual(result.returncode, 1)
        self.assertIn(f"{bench.config}:2 [sim good1] socc: unknown option; did you mean 'soc'", result.stderr)
        self.assertIn(f"{bench.config}:4 [bus] cache_topics", result.stderr)
        self.assertIn("everything goes on as before", result.stderr)
        self.assertEqual(bench.pids(), before)
        self.assertIn("socc", bench.status()["reload_error"])
        # Who dies now comes back with what was last found good.
        bench.signal("sim-good1", signal.SIGKILL)
        bench.wait_process(
            "sim-good1", lambda p: p["state"] == "running" and p["pid"] != before["sim-good1"]
        )
        bench.write_config(TWO)
        bench.busbar("reload", check=True)
        self.assertNotIn("reload_error", bench.status())

    def test_configuration_that_vanished_stops_nothing(self):
        bench = self.stage(TWO).start()
        before = bench.pids()
        bench.config.unlink()
        self.assertEqual(bench.busbar("reload").returncode, 1)
        self.assertEqual(bench.pids(), before)

    def test_what_was_stopped_by_hand_stays_so(self):
        bench = self.stage(TWO).start()
        bench.busbar("stop", "sim-good1", check=True)
        bench.write_config(QUIET + "[sim good1]\nsoc = 33\n[sim good2]\n")
        bench.busbar("reload", check=True)
        self.assertEqual(bench.find("sim-good1")["state"], "stopped")


class Verbs(SupervisorTest):
    def test_stop_start_and_restart_wait_for_the_outcome(self):
        bench = self.stage(TWO).start()
        before = bench.pids()
        self.assertEqual(bench.busbar("stop", "sim-good1", check=True).stdout, "sim-good1: stopped\n")
        self.assertFalse(is_alive(before["sim-good1"]))
        self.assertEqual(bench.find("sim-good1")["state"], "stopped")
        started = bench.busbar("start", "sim-good1", check=True).stdout
        self.assertEqual(started, f"sim-good1: running, process {bench.pid('sim-good1')}\n")
        restarted = bench.busbar("restart", "sim-good2", check=True).stdout
        self.assertEqual(restarted, f"sim-good2: running, process {bench.pid('sim-good2')}\n")
        self.assertNotEqual(bench.pid("sim-good2"), before["sim-good2"])
        self.assertEqual(bench.find("sim-good2")["restarts"], 0)

    def test_starting_what_fails_says_why(self):
        bench = self.stage(QUIET + "[sim crash]\n")
        bench.start(wait=False)
        bench.wait_process("sim-crash", lambda p: p["restarts"] > 0)
        result = bench.busbar("restart", "sim-crash")
        self.assertEqual(result.returncode, 1)
        self.assertIn("sim-crash: exit 1", result.stderr)

    def test_unknown_name_lists_those_there_are(self):
        bench = self.stage(TWO).start()
        result = bench.busbar("restart", "sim-bad")
        self.assertEqual(result.returncode, 1)
        self.assertEqual(len(result.stderr.splitlines()), 1)
        self.assertIn("there are bus, aggregator, sim-good1, sim-good2", result.stderr)

    def test_without_supervisor_one_clear_line(self):
        bench = self.stage(TWO)
        for verb in (["status"], ["stop", "bus"], ["reload"]):
            result = bench.busbar(*verb)
            self.assertEqual(result.returncode, 1)
            self.assertEqual(result.stderr, f"busbar: no busbar runs in {bench.run_dir}\n")


class ControlSocket(SupervisorTest):
    def connect(self, bench):
        client = socket.socket(socket.AF_UNIX)
        client.connect(str(bench.run_dir / "control"))
        client.settimeout(10)
        self.addCleanup(client.close)
        return client

    def ask(self, client, line):
        client.sendall(line)
        return json.loads(client.makefile().readline())

    def test_answers_several_requests_of_one_client(self):
        bench = self.stage(QUIET).start()
        client = self.connect(bench)
        self.assertTrue(self.ask(client, b'{"verb": "status"}\n')["ok"])
        self.assertFalse(self.ask(client, b'{"verb": "dance"}\n')["ok"])
        client.sendall(b'{"verb": "stop", "name": "bus"}\n{"verb": "start", "name": "bus"}\n')
        lines = client.makefile()
        self.assertEqual(json.loads(lines.readline())["text"], "bus: stopped")
        self.assertTrue(json.loads(lines.readline())["text"].startswith("bus: running"))

    def test_nonsense_gets_an_error_or_the_door(self):
        bench = self.stage(QUIET).start()
        for line in (b"\n", b"[1]\n", b"\xff\xfe\n", b'{"verb": 7}\n', b'{"verb": "stop"}\n'):
            self.assertFalse(self.ask(self.connect(bench), line)["ok"])
        endless = self.connect(bench)
        endless.sendall(b"x" * 600)
        self.assertFalse(json.loads(endless.makefile().readline())["ok"])
        self.assertRaises(ConnectionResetError, endless.recv, 1)
        self.assertTrue(bench.status()["ok"])

    def test_clients_that_do_nothing_keep_nobody_out(self):
        bench = self.stage(QUIET).start()
        idle = [self.connect(bench) for _ in range(40)]
        for client in idle:
            try:
                client.send(b'{"verb":')
            except (BrokenPipeError, ConnectionResetError):
                pass  # its place was taken by a later one
        self.assertTrue(bench.status()["ok"])

    def test_client_that_takes_no_answer_is_dropped(self):
        bench = self.stage(QUIET).start()
        greedy = self.connect(bench)
        greedy.setblocking(False)
        sent = 0
        try:
            while sent < 10000000:
                sent += greedy.send(b'{"verb": "status"}\n')
        except BlockingIOError:
            pass
        self.assertTrue(bench.status()["ok"])
        greedy.setblocking(True)
        greedy.settimeout(15)

        def closed():
            try:
                greedy.send(b"\n")
                return False
            except (BrokenPipeError, ConnectionResetError):
                return True
            except (TimeoutError, BlockingIOError):
                return False

        greedy.setblocking(False)
        wait_until(closed, 12, "the greedy client is dropped")


class UnderSystemd(SupervisorTest):
    def test_tells_its_own_supervisor(self):
        bench = self.stage(TWO)
        path = bench.folder / "above"
        above = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(above.close)
        above.bind(str(path))
        above.settimeout(support.START_TIMEOUT)
        bench.environment.update(NOTIFY_SOCKET=str(path), WATCHDOG_USEC="400000")
        bench.start(wait=False)
        heard = []

        def hear(word):
            while word not in heard:
                heard.extend(above.recv(4096).decode().split("\n"))

        hear("READY=1")
        status = processes(bench.status())
        self.assertEqual(status["bus"]["state"], "running")
        self.assertTrue(all("pid" in p for p in status.values()))
        hear("STATUS=4 of 4 processes running")
        heard.clear()
        hear("WATCHDOG=1")
        heard.clear()
        hear("WATCHDOG=1")
        bench.process.terminate()
        hear("STOPPING=1")


if __name__ == "__main__":
    support.main()
