"""A gRPC peer of another make, over mTLS. Everything it is told stands in its arguments.

client PORT CA CERT KEY METHOD   calls a unary method with an empty message; says the bytes of the answer, or the status
server CA CERT KEY                    answers every unary call with an empty message; says its port, then each caller
"""

import sys
from concurrent import futures

import grpc


def read(path):
    with open(path, "rb") as file:
        return file.read()


def client(port, ca, cert, key, method):
    credentials = grpc.ssl_channel_credentials(read(ca), read(key), read(cert))
    with grpc.secure_channel(f"localhost:{port}", credentials) as channel:
        call = channel.unary_unary(method, lambda message: message, lambda message: message)
        try:
            print("OK", len(call(b"", timeout=10)))
        except grpc.RpcError as error:
            print(error.code().name, error.details())


class Everything(grpc.GenericRpcHandler):
    def service(self, details):
        def answer(_request, context):
            name = context.auth_context()["x509_common_name"][0].decode()
            print("CALL", details.method, name, flush=True)
            return b""

        return grpc.unary_unary_rpc_method_handler(answer, lambda message: message, lambda message: message)


def server(ca, cert, key):
    listener = grpc.server(futures.ThreadPoolExecutor(2), handlers=[Everything()])
    pair = [(read(key), read(cert))]
    credentials = grpc.ssl_server_credentials(pair, read(ca), require_client_auth=True)
    print("PORT", listener.add_secure_port("localhost:0", credentials), flush=True)
    listener.start()
    listener.wait_for_termination()


{"client": client, "server": server}[sys.argv[1]](*sys.argv[2:])
