"""The busbar command, and what an installation puts in place."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import unittest

import support

BUILD = pathlib.Path(support.BUSBAR).resolve().parent.parent
PUBLISH = BUILD / "tests" / "busbar-publish"


class Front(support.IntegrationTest):
    def setUp(self):
        self.stand = self.bench()

    def test_help_names_every_verb(self):
        text = self.stand.busbar("help", check=True).stdout
        for verb in ("run", "status", "start", "stop", "restart", "reload", "check-config", "options",
                     "command", "tap", "replay", "sim", "decode", "version"):
            self.assertRegex(text, rf"(?m)^  {verb} ")

    def test_version(self):
        text = (support.REPO / "CMakeLists.txt").read_text(encoding="utf-8")
        version = text.split("project(busbar VERSION ")[1].split()[0]
        self.assertEqual(self.stand.busbar("version", check=True).stdout, f"busbar {version}\n")

    def test_slip_of_the_finger(self):
        result = self.stand.busbar("restrat", "bus")
        self.assertEqual(result.returncode, 64)
        self.assertEqual(result.stderr, "busbar: unknown verb 'restrat'; did you mean restart?\n")

    def test_verb_that_is_a_path_executes_nothing(self):
        for verb in ("../bin/busbar", "/bin/true", "-x", "bus/../bus"):
            result = self.stand.busbar(verb)
            self.assertEqual(result.returncode, 64, verb)
            self.assertEqual(result.stdout, "")

    def test_wrong_usage(self):
        for words in (["status", "bus"], ["stop"], ["stop", "a", "b"], ["command", "x"], ["reload", "x"],
                      ["status", "--jsno"], ["run", "now"], ["run", "--bogus"], ["run", "--config"],
                      ["options", "x"]):
            result = self.stand.busbar(*words)
            self.assertEqual(result.returncode, 64, words)
            self.assertIn("usage: busbar", result.stderr)

    def test_other_verbs_are_programs(self):
        result = self.stand.busbar("messages", check=True)
        direct = subprocess.run(
            [BUILD / "libexec" / "busbar" / "busbar-messages"], capture_output=True, text=True, check=True
        )
        self.assertEqual(result.stdout, direct.stdout)

    def test_works_through_a_link(self):
        link = self.stand.folder / "b"
        link.symlink_to(support.BUSBAR)
        self.stand.command = link
        self.stand.busbar("messages", check=True)


class CheckConfig(support.IntegrationTest):
    def check(self, text):
        bench = self.bench(text)
        return bench, bench.busbar("check-config", bench.config)

    def test_good(self):
        bench, result = self.check("[sim a]\n[mqtt]\n")
        self.assertEqual(result.returncode, 0)
        self.assertEqual(result.stdout, f"{bench.config}: good, 4 processes\n")

    def test_every_mistake_with_its_place(self):
        bench, result = self.check("[sim a]\nsocc = 4\nsoc = 101\n[sim]\n[aggregatr]\n")
        self.assertEqual(result.returncode, 78)
        lines = result.stderr.splitlines()
        self.assertEqual(len(lines), 4, result.stderr)
        self.assertIn(f"{bench.config}:2 [sim a] socc: unknown option; did you mean 'soc'", lines[0])
        self.assertIn(f"{bench.config}:3 [sim a] soc:", lines[1])
        self.assertIn(f"{bench.config}:4 [sim]: needs a name", lines[2])
        self.assertIn("did you mean [aggregator]", lines[3])

    def test_file_that_is_not_there(self):
        bench = self.bench()
        result = bench.busbar("check-config", bench.config)
        self.assertEqual(result.returncode, 78)
        self.assertIn(str(bench.config), result.stderr)

    def test_more_processes_than_can_run(self):
        _, result = self.check("".join(f"[sim n{i}]\n" for i in range(64)))
        self.assertEqual(result.returncode, 78)
        self.assertIn("more than 64 processes", result.stderr)

    def test_commented_defaults_are_those_of_the_program(self):
        printed = self.bench().busbar("options", check=True).stdout
        kept = (support.REPO / "config" / "busbar.conf").read_text(encoding="utf-8")
        self.assertEqual(kept, printed, "run: busbar options > config/busbar.conf")

    def test_commented_defaults_are_a_good_configuration(self):
        printed = self.bench().busbar("options", check=True).stdout
        _, result = self.check(printed)
        self.assertEqual(result.returncode, 0, result.stderr)

    def test_demo_configuration_is_good(self):
        text = (support.REPO / "config" / "demo.conf").read_text(encoding="utf-8")
        _, result = self.check(text.replace("@DBUS@", "session").replace("@MQTT_PORT@", "1883"))
        self.assertEqual(result.returncode, 0, result.stderr)


class Command(support.IntegrationTest):
    """Commands to a battery; the test answers in its place."""

    def setUp(self):
        self.stand = self.bench("[busbar]\n").start()

    def send(self, *words):
        process = support.spawn(
            [support.BUSBAR, "command", "--run-dir", self.stand.run_dir, *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def answer(self, **data):
        subprocess.run(
            [PUBLISH, self.stand.run_dir, "serial-x"],
            input=json.dumps({"topic": "reply/pack", "interval_ms": 0, "data": data}) + "\n",
            text=True,
            stdout=subprocess.DEVNULL,
            timeout=20,
            check=True,
        )

    def listening_tap(self):
        tap = self.stand.tap("command/", "health/")
        tap.wait_topic("health/bus")
        return tap

    def test_done(self):
        with self.listening_tap() as tap:
            process = self.send("pack", "charge_fet", "off")
            command = tap.wait_topic("command/pack")["data"]
            self.assertEqual(command["verb"], "charge_fet")
            self.assertEqual(command["value"], 0)
            # Somebody else's reply is not ours.
            self.answer(correlation="other", verb="charge_fet", done=False, reason="no")
            self.answer(correlation=command["correlation"], verb="charge_fet", done=True, reason="read back")
            out, err = process.communicate(timeout=20)
        self.assertEqual((process.returncode, out, err), (0, "pack: charge_fet done: read back\n", ""))

    def test_refused(self):
        with self.listening_tap() as tap:
            process = self.send("pack", "soc", "-5")
            command = tap.wait_topic("command/pack")["data"]
            self.assertEqual(command["value"], -5)
            self.answer(correlation=command["correlation"], verb="soc", done=False, reason="not allowed")
            out, err = process.communicate(timeout=20)
        self.assertEqual((process.returncode, out, err), (1, "", "pack: soc not done: not allowed\n"))

    def test_nobody_answers(self):
        process = self.send("pack", "soc", "50")
        _, err = process.communicate(timeout=30)
        self.assertEqual(process.returncode, 1)
        self.assertTrue(err.startswith("busbar: no reply"), err)

    def test_without_bus(self):
        self.stand.busbar("stop", "bus", check=True)
        process = self.send("pack", "soc", "50")
        _, err = process.communicate(timeout=30)
        self.assertEqual((process.returncode, err), (1, "busbar: the bus does not answer\n"))

    def test_nonsense_is_not_sent(self):
        for words in (["a b", "soc"], ["pack", ""], ["pack", "soc", "full"]):
            process = self.send(*words)
            process.communicate(timeout=20)
            self.assertEqual(process.returncode, 64, words)


class Installed(support.IntegrationTest):
    def setUp(self):
        self.stand = self.bench("[busbar]\n")
        self.prefix = self.stand.folder / "usr"
        subprocess.run(
            ["cmake", "--install", BUILD, "--prefix", self.prefix], check=True, capture_output=True
        )

    def test_runs_from_where_it_was_put(self):
        moved = self.stand.folder / "elsewhere"
        self.prefix.rename(moved)
        self.stand.command = moved / "bin" / "busbar"
        self.stand.start()
        executable = os.readlink(f"/proc/{self.stand.pid('bus')}/exe")
        self.assertEqual(executable, str(moved / "libexec" / "busbar" / "busbar-bus"))

    def test_unit_names_the_program(self):
        unit = (self.prefix / "lib" / "systemd" / "system" / "busbar.service").read_text(encoding="utf-8")
        self.assertIn(f"ExecStart={self.prefix}/bin/busbar run\n", unit)
        self.assertIn(f"ExecReload={self.prefix}/bin/busbar reload\n", unit)

    @unittest.skipUnless(shutil.which("systemd-analyze"), "needs systemd-analyze")
    def test_unit_is_understood_by_systemd(self):
        unit = self.prefix / "lib" / "systemd" / "system" / "busbar.service"
        result = subprocess.run(
            ["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False
        )
        self.assertEqual((result.returncode, result.stderr), (0, ""))

    def test_service_folder_runs_it(self):
        link = self.stand.folder / "service"
        link.symlink_to(self.prefix / "share" / "busbar" / "service")
        environment = dict(
            self.stand.environment,
            BUSBAR_RUN_DIR=str(self.stand.run_dir),
            BUSBAR_STATE_DIR=str(self.stand.state_dir),
            BUSBAR_CONFIG=str(self.stand.config),
        )
        process = support.spawn(["./run"], cwd=link, env=environment, stdout=subprocess.PIPE, text=True)
        self.addCleanup(process.stdout.close)
        lines = support.Lines(process.stdout)
        self.assertIsNotNone(lines.wait_for(lambda line: "bus: running" in line, support.START_TIMEOUT))
        status = self.stand.status()
        self.assertEqual(status["pid"], process.pid)  # nothing in between: signals arrive
        self.assertEqual(status["config"], str(self.stand.config))
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(support.STOP_TIMEOUT), 0)
        lines.join()


if __name__ == "__main__":
    support.main()
