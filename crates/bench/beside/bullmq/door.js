// Takes batches of CloudEvents over HTTP, and queues a job for each. GET says how many workers there are.
import { createServer } from 'node:http';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';

const { PORT, REDIS_URL, SOURCE_KEY } = process.env;
const queue = new Queue('texts', { connection: new Redis(REDIS_URL, { maxRetriesPerRequest: null }) });
const opts = { attempts: 5, backoff: { type: 'exponential', delay: 1000 }, removeOnComplete: true };

createServer(async (request, response) => {
  try {
    if (request.method === 'GET') return response.end(JSON.stringify({ workers: await queue.getWorkersCount() }));
    if (request.headers.authorization !== `Bearer ${SOURCE_KEY}`) return response.writeHead(401).end();
    let body = '';
    for await (const chunk of request) body += chunk;
    await queue.addBulk([JSON.parse(body)].flat().map((data) => ({ name: data.type, data, opts })));
    response.writeHead(202).end();
  } catch (error) {
    console.error(error.message);
    response.writeHead(500).end();
  }
}).listen(PORT, '127.0.0.1');
