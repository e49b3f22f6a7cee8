// echo --fd N [...]: the echo of Node's own documentation, listening on an inherited socket. Every
// other option is ignored: nothing is added to what the documentation teaches.
const net = require('node:net');
const fd = Number(process.argv[process.argv.indexOf('--fd') + 1]);
net.createServer((c) => c.pipe(c)).listen({ fd }, () => console.log('READY'));
