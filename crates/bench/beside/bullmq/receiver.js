// Takes the provider's status callbacks: checks the signature, and stores each status with its time.
import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';
import { Redis } from 'ioredis';

const { PORT, REDIS_URL, PUBLIC_URL, TWILIO_AUTH_TOKEN } = process.env;
const redis = new Redis(REDIS_URL);

function isSigned(request, form) {
  const fields = [...form].sort(([a], [b]) => (a < b ? -1 : 1)).flat().join('');
  const digest = createHmac('sha1', TWILIO_AUTH_TOKEN).update(PUBLIC_URL + request.url + fields).digest();
  const given = Buffer.from(request.headers['x-twilio-signature'] ?? '', 'base64');
  return given.length === digest.length && timingSafeEqual(given, digest);
}

createServer(async (request, response) => {
  try {
    let body = '';
    for await (const chunk of request) body += chunk;
    const form = new URLSearchParams(body);
    if (!isSigned(request, form)) return response.writeHead(403).end();
    await redis.hset(`statuses:${form.get('MessageSid')}`, form.get('MessageStatus'), Date.now());
    response.writeHead(204).end();
  } catch (error) {
    console.error(error.message);
    response.writeHead(500).end();
  }
}).listen(PORT, '127.0.0.1');
