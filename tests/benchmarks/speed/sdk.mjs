// The official JavaScript SDK as a contender: node sdk.mjs FOLDER URL, then one number a line.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const [folder, url] = process.argv.slice(2);
const { LoopsClient } = createRequire(`${folder}/package.json`)("loops");
const loops = new LoopsClient("test-key");
loops.apiRoot = `${url}/`;

async function run(count) {
  let next = 0;
  async function worker() {
    while (next < count) {
      const index = next++;
      await loops.updateContact({
        email: `ada.${index}@example.com`,
        properties: { plan: "pro", seats: 3 },
      });
    }
  }
  await Promise.all(Array.from({ length: Math.min(50, count) }, worker));
}

for await (const line of createInterface({ input: process.stdin })) {
  const wall = performance.now(), cpu = process.cpuUsage();
  await run(Number(line));
  const used = process.cpuUsage(cpu);
  console.log(JSON.stringify({
    wall: (performance.now() - wall) / 1e3,
    cpu: (used.user + used.system) / 1e6,
  }));
}
