// An echo that is not Python's: the contract as a program of another language keeps it.
//
// Started as `node echo.js echo --fd N [--idle-s S] [--grace-s S] [--limit N]`. It lacks --port, as
// a program elsewhere may, and it has no fetch.
"use strict";

const net = require("node:net");

const BACKLOG = 1024; // listening again must not shorten it
const SIGNALS = ["SIGTERM", "SIGINT"];

function refuse(sentence) {
  process.stderr.write(`${sentence}\n`);
  process.exit(2);
}

function options(words) {
  if (words.shift() !== "echo") refuse("this program has echo alone");
  const known = { "--fd": null, "--idle-s": null, "--grace-s": 5, "--limit": Infinity };
  while (words.length) {
    const [name, value] = [words.shift(), Number(words.shift())];
    if (!(name in known) || !(value >= 0)) refuse(`there is no option ${name} with such a value`);
    known[name] = value;
  }
  if (known["--fd"] === null) refuse("--fd is needed");
  return known;
}

function serve({ "--fd": fd, "--idle-s": idleS, "--grace-s": graceS, "--limit": limit }) {
  const open = new Set();
  const waiting = [];
  let served = 0;

  function echo(socket) {
    served += 1;
    let idle = null;
    const rest = () => {
      if (idleS !== null) idle = setTimeout(() => socket.destroy(), idleS * 1000);
    };
    socket.on("data", (data) => {
      clearTimeout(idle); // idle: does not run while bytes wait to be written
      socket.pause(); // backpressure: no more is read until all is written
      socket.write(data, (error) => {
        if (error) return;
        socket.resume();
        rest();
      });
    });
    socket.on("end", () => socket.end()); // end: our FIN follows the last byte
    socket.on("close", () => {
      clearTimeout(idle);
      served -= 1;
      if (waiting.length) echo(waiting.shift()); // limit: the next one is served
    });
    rest();
    socket.resume();
  }

  const server = net.createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
    open.add(socket);
    socket.on("error", () => {}); // reset: concerns this connection alone
    socket.on("close", () => open.delete(socket));
    if (served < limit) echo(socket);
    else waiting.push(socket); // limit: the surplus waits here, unread
  });

  function drain() {
    for (const name of SIGNALS) process.removeAllListeners(name); // the default action is back
    server.close();
    for (const socket of waiting.splice(0)) socket.destroy();
    setTimeout(() => process.exit(0), graceS * 1000).unref(); // drain: the rest is cut at the grace
  }

  server.listen({ fd, backlog: BACKLOG }, () => {
    for (const name of SIGNALS) process.on(name, drain);
    process.stdout.write("READY\n");
  });
}

serve(options(process.argv.slice(2)));
