"""busbar-mqtt over TLS, with a certificate authority made for the test."""

import os
import shutil
import subprocess
import tempfile
import unittest

import support
from test_mqtt import MqttTest


class Authority:
    """Certificates in a folder: ca.pem, and NAME.pem with NAME.key for whoever asks."""

    def __init__(self, folder):
        self.folder = folder
        self._run("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
                  "/CN=Busbar test authority", "-keyout", "ca.key", "-out", "ca.pem")

    def _run(self, *args):
        subprocess.run(
            ["openssl", *args], cwd=self.folder, check=True, capture_output=True, timeout=60
        )

    def issue(self, name, alternative):
        with open(os.path.join(self.folder, f"{name}.ext"), "w", encoding="ascii") as extension:
            extension.write(f"subjectAltName={alternative}\n")
        self._run("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-keyout",
                  f"{name}.key", "-out", f"{name}.csr")
        self._run("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
                  "-CAcreateserial", "-days", "2", "-extfile", f"{name}.ext", "-out",
                  f"{name}.pem")

    def path(self, name):
        return os.path.join(self.folder, name)


def setUpModule():
    global RIGHT, WRONG
    folder = tempfile.mkdtemp(prefix="bbca")
    unittest.addModuleCleanup(shutil.rmtree, folder, ignore_errors=True)
    authorities = []
    for name in ("right", "wrong"):
        os.mkdir(os.path.join(folder, name))
        authorities.append(Authority(os.path.join(folder, name)))
    RIGHT, WRONG = authorities
    RIGHT.issue("server", "IP:127.0.0.1,DNS:localhost")
    RIGHT.issue("stranger", "DNS:elsewhere.example")
    RIGHT.issue("client", "DNS:client")


class TlsTest(MqttTest):
    def start_tls_broker(self, server="server", *lines):
        return self.start_broker(
            f"cafile {RIGHT.path('ca.pem')}",
            f"certfile {RIGHT.path(server + '.pem')}",
            f"keyfile {RIGHT.path(server + '.key')}",
            "user root",  # see PasswordTest
            *lines,
        )

    def subscribe(self, *args, **options):
        secure = ["--cafile", RIGHT.path("ca.pem"), "--insecure"]
        return super().subscribe(*secure, *args, **options)

    def ca(self, authority=None):
        return ("tls = yes", f"tls_ca_file = {(authority or RIGHT).path('ca.pem')}")

    def test_encrypted(self):
        self.start_tls_broker()
        self.configure(*self.ca())
        subscriber = self.subscribe()
        mqtt = self.start_mqtt()
        self.feed()
        self.assertEqual(subscriber.wait_state()["ccl"], 10.5)
        self.assertEqual(mqtt.stop(), 0, mqtt.evidence())
        subscriber.wait("busbar/status", lambda p: p == "offline")

    def test_broker_known_by_name(self):
        self.start_tls_broker()
        self.stand_.write_config(
            "\n".join(["[mqtt]", "host = localhost", f"port = {self.broker.port}", *self.ca(), ""])
        )
        subscriber = self.subscribe()
        self.start_mqtt()
        self.feed()
        subscriber.wait_state()

    def test_broker_signed_by_somebody_else(self):
        self.start_tls_broker()
        self.configure(*self.ca(WRONG))
        mqtt = self.start_mqtt()
        mqtt.wait_error("certificate verify failed")
        self.assertEqual(mqtt.stop(), 0)

    def test_certificate_for_another_name(self):
        self.start_tls_broker("stranger")
        self.configure(*self.ca())
        mqtt = self.start_mqtt()
        mqtt.wait_error("no connection: ")
        subscriber = self.subscribe()
        mqtt.stop()
        self.assertEqual(subscriber.payloads("busbar/status"), [])

    def test_certificate_for_another_name_accepted(self):
        self.start_tls_broker("stranger")
        self.configure(*self.ca(), "tls_insecure = yes")
        subscriber = self.subscribe()
        self.start_mqtt()
        self.feed()
        subscriber.wait_state()

    def test_certificates_of_the_system_do_not_know_the_broker(self):
        self.start_tls_broker()
        self.configure("tls = yes")
        mqtt = self.start_mqtt()
        mqtt.wait_error("certificate verify failed")

    def test_client_certificate(self):
        self.start_tls_broker("server", "require_certificate true")
        client = (f"tls_cert_file = {RIGHT.path('client.pem')}",
                  f"tls_key_file = {RIGHT.path('client.key')}")
        self.configure(*self.ca(), *client)
        subscriber = self.subscribe("--cert", RIGHT.path("client.pem"), "--key",
                                    RIGHT.path("client.key"))
        self.start_mqtt()
        self.feed()
        subscriber.wait_state()

    def test_client_certificate_is_missing(self):
        self.start_tls_broker("server", "require_certificate true")
        self.configure(*self.ca())
        self.start_mqtt().wait_error("no connection: ")

    def test_broker_without_tls(self):
        self.start_broker()
        self.configure(*self.ca())
        self.start_mqtt().wait_error("no connection: ")

    def test_certificate_file_that_is_not_there(self):
        self.start_broker()
        self.configure("tls = yes", "tls_ca_file = /nowhere/ca.pem")
        mqtt = self.start_mqtt()
        self.assertEqual(mqtt.wait(), 78, mqtt.evidence())
        mqtt.wait_error("[mqtt] cannot be used: ")


del MqttTest

if __name__ == "__main__":
    support.main()
