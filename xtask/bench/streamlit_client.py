"""Opens a session, has its script run three times, closes it. usage: streamlit_client.py PORT PER_SECOND"""
import asyncio
import sys

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from tornado.websocket import websocket_connect

from counted import Counted

port, per_second = int(sys.argv[1]), float(sys.argv[2])


async def run(connection):
    message = BackMsg()
    message.rerun_script.query_string = ""
    await connection.write_message(message.SerializeToString(), binary=True)
    while True:
        answer = await connection.read_message()
        if answer is None:
            sys.exit("the server closed the connection")
        told = ForwardMsg()
        told.ParseFromString(answer)
        if told.WhichOneof("type") == "script_finished":
            return


async def main():
    loop, counted = asyncio.get_running_loop(), Counted()
    due = loop.time()
    while True:
        due = max(due + 1 / per_second, loop.time() - 1)
        await asyncio.sleep(due - loop.time())
        began = loop.time()
        connection = await websocket_connect("ws://127.0.0.1:%d/_stcore/stream" % port, subprotocols=["streamlit"])
        for _ in range(3):
            await run(connection)
        connection.close()
        counted.done(began)


asyncio.run(main())
