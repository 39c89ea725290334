"""A client of the fleet: Python, grpcio, and stubs made of the fleet's own contract.

usage: fleet-client.py PROTO_DIR STUBS_DIR PORT CA CERT KEY STATION
Prints one line for each step: the statistics, `frames` when three spectra came, and how the stream ended.
"""

import sys

import grpc
from grpc_tools import protoc

proto_dir, stubs_dir, port, ca, cert, key, station = sys.argv[1:8]
made = protoc.main(
    ["protoc", f"-I{proto_dir}", f"--python_out={stubs_dir}", f"--grpc_python_out={stubs_dir}", "sdr_oran.proto"]
)
if made != 0:
    sys.exit("the stubs could not be made")
sys.path.insert(0, stubs_dir)

import sdr_oran_pb2 as messages  # noqa: E402
import sdr_oran_pb2_grpc as services  # noqa: E402


def read(path):
    with open(path, "rb") as file:
        return file.read()


credentials = grpc.ssl_channel_credentials(read(ca), read(key), read(cert))
with grpc.secure_channel(f"localhost:{port}", credentials) as channel:
    iq = services.IQStreamServiceStub(channel)
    stats = iq.GetStreamStats(messages.StreamStatsRequest(station_id=station), timeout=20)
    print("stats", stats.station_id, flush=True)
    spectrum = services.SpectrumMonitorServiceStub(channel)
    request = messages.SpectrumRequest(station_id=station, fft_size=64, averaging=100)
    count = 0
    try:
        for spectrum_data in spectrum.StreamSpectrum(request):
            count += 1
            if count == 3:
                print("frames", len(spectrum_data.magnitude_dbm), flush=True)
        print("end OK", flush=True)
    except grpc.RpcError as error:
        print("end", error.code().name, error.details(), flush=True)
