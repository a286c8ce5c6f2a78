// client.js TARGET CALLS VERSION WARM: calls helloworld.Greeter/SayHello over one channel and prints each answer.
// WARM: first call until that many different servers answered; those answers are not printed.
const grpc = require("@grpc/grpc-js");
require("@grpc/grpc-js-xds").register();

const [target, calls, version, warm] = process.argv.slice(2);
const encode = (name) => Buffer.concat([Buffer.from([0x0a, name.length]), Buffer.from(name)]);
const client = new grpc.Client(target, grpc.credentials.createInsecure());

function hello() {
  const metadata = new grpc.Metadata();
  if (version) metadata.set("version", version);
  return new Promise((resolve, reject) => {
    const deadline = new Date(Date.now() + 10000);
    client.makeUnaryRequest("/helloworld.Greeter/SayHello", encode, (b) => b.subarray(2).toString(), "world", metadata,
      { deadline, waitForReady: true }, (error, answer) => (error ? reject(error) : resolve(answer)));
  });
}

(async () => {
  const seen = new Set();
  while (seen.size < Number(warm)) seen.add(/hostname:([a-z0-9-]+)/.exec(await hello())[1]);
  for (let i = 0; i < Number(calls); i++) console.log(await hello());
  process.exit(0);
})().catch((error) => { console.error(error); process.exit(1); });
