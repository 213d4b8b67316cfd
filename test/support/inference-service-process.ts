/** An inference service as a process of its own, to be killed from outside: `inference-service-process PORT`. */
import { createServer } from "node:http";

const server = createServer((request, response) => {
  const parts: Buffer[] = [];
  request.on("data", (part: Buffer) => parts.push(part));
  request.on("end", () => {
    const answer = JSON.stringify({ predictions: [Buffer.concat(parts).length] });
    // Some answers take a while, so that a kill always finds requests under way.
    setTimeout(
      () => {
        response.writeHead(200, { "content-type": "application/json", "content-length": answer.length });
        response.end(answer);
      },
      Number(request.headers["x-wait"] ?? 0),
    );
  });
});
server.listen(Number(process.argv[2]), "127.0.0.1");
