#define _GNU_SOURCE /* prctl's names */
#include "bridge/bench_fleet.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

enum { REQUEST_MAX = 2048, ANSWER_MAX = 2560, BACKLOG = 16, PER_NET = 250 };

/* --- what the devices answer --------------------------------------------------------------------
 */

/* GET /api/system/info of a Bitaxe Supra with AxeOS v2.4.5, as recorded by asic-rs (Apache-2.0),
 * but for its MAC. */
static const char axeos_info[] =
    "{\"ASICModel\":\"BM1368\",\"asicCount\":1,\"autofanspeed\":1,\"bestDiff\":\"483k\","
    "\"bestSessionDiff\":\"0\",\"boardVersion\":\"401\",\"coreVoltage\":1166,\"coreVoltageActual\":"
    "1172,\"current\":521.25,\"fallbackStratumPort\":3333,\"fallbackStratumURL\":\"btc2.example."
    "pool\",\"fallbackStratumUser\":\"asic-rs.test\",\"fanrpm\":3517,\"fanspeed\":35,"
    "\"flipscreen\":1,\"freeHeap\":8443612,\"frequency\":490,\"hashRate\":1000,\"hostname\":"
    "\"bitaxe\",\"idfVersion\":\"v5.4\",\"invertfanpolarity\":1,\"invertscreen\":0,"
    "\"isUsingFallbackStratum\":0,\"macAddr\":\"02:00:00:00:\1:\2\",\"overheat_mode\":0,"
    "\"power\":2.65000009536743,\"runningPartition\":\"factory\",\"sharesAccepted\":0,"
    "\"sharesRejected\":0,\"smallCoreCount\":1276,\"ssid\":\"Test\",\"stratumDiff\":0,"
    "\"stratumPort\":3333,\"stratumURL\":\"btc.example.pool\",\"stratumUser\":\"asic-rs.test\","
    "\"temp\":59.875,\"uptimeSeconds\":4,\"version\":\"v2.4.5-3-gb5d1e36-dirty\",\"voltage\":5175,"
    "\"vrTemp\":78,\"wifiStatus\":\"Connected!\"}";

/* Of an Avalon Mini 3, as its owner published it, but for its MAC; the shape of `pools` is that of
 * an Avalon Q recorded by asic-rs (Apache-2.0). */
static const struct {
    const char *command, *answer;
} avalon_answers[] = {
    {"version",
     "STATUS=S,When=1742265580,Code=22,Msg=CGMiner versions,Description=cgminer 4.11.1|VERSION,"
     "CGMiner=4.11.1,API=3.7,PROD=Avalon Mini3,MODEL=Mini3,HWTYPE=M_MM1v1_X1,SWTYPE=MM319,"
     "LVERSION=25011701_3f53b19,BVERSION=25011701_3f53b19,CGVERSION=25011701_3f53b19,"
     "MCUVERSION=Mini3_hb_v1.0,DNA=020100008644e532,MAC=02000000\1\2|"},
    {"estats",
     "STATUS=S,When=1742265634,Code=70,Msg=CGMiner stats,Description=cgminer 4.11.1|STATS=0,ID="
     "AVALON0,Elapsed=32260,Calls=0,Wait=0.000000,Max=0.000000,Min=99999999.000000,MM ID0="
     "HashStatus[0] Ver[Mini3-25011701_3f53b19] LVer[25011701_3f53b19] BVer[25011701_3f53b19] "
     "Mcu0Ver[Mini3_hb_v1.0] FW[Release] DNA[020100008644e532] MEMFREE[64584] NETFAIL[0 0 0 0 0 0 "
     "0 0] SYSTEMSTATU[Work: In Work, Hash Board: 1] Elapsed[32273] BOOTBY[0x02.00000000] "
     "LW[25418634] MH[62] DHW[0] HW[62] DH[1.768%] ITemp[39] OTemp[63] HBTemp[75] TMax[86] "
     "TAvg[82] TarT[75] Fan1[3000] FanR[100%] PS[0 1210 2083 37 760 2085 824] GHSspd[37000.12] "
     "GHSavg[36980.40] SoftOFF[0] ECHU[0] ECMM[0] WORKMODE[0] WORKLEVEL[0] MPO[800] ADJ[1]|"},
    {"pools",
     "STATUS=S,When=1742265635,Code=7,Msg=1 Pool(s),Description=cgminer 4.11.1|POOL=0,URL=stratum+"
     "tcp://pool.example.com:4444,Status=Alive,Priority=0,Quota=1,Getworks=681,Accepted=890,"
     "Rejected=2,Works=95676,Discarded=0,Stale=0,User=worker1,Last Share Time=31279,Stratum "
     "Active=true,Best Share=354914572|"},
    {"summary",
     "STATUS=S,When=1742265635,Code=11,Msg=Summary,Description=cgminer 4.11.1|SUMMARY,Elapsed="
     "32260,MHS av=36980400.00,Accepted=890,Rejected=2,Hardware Errors=62,Best Share=354914572|"},
};

static const char no_command[] =
    "STATUS=E,When=1742265635,Code=14,Msg=Invalid command,Description=cgminer 4.11.1|";

/* Copies, with the high and the low byte of the device's number in place of the bytes 1 and 2. The
 * length without the NUL. */
static size_t fill(char *answer, size_t size, const char *text, size_t device)
{
    static const char digits[] = "0123456789abcdef";
    size_t len = 0;
    for (; *text != '\0' && len + 2 < size; text++) {
        if (*text == '\1' || *text == '\2') {
            const size_t byte = (*text == '\1' ? device >> 8 : device) & 255;
            answer[len++] = digits[byte >> 4];
            answer[len++] = digits[byte & 15];
        } else {
            answer[len++] = *text;
        }
    }
    answer[len] = '\0';
    return len;
}

static size_t answer_http(const char *request, size_t device, char *answer)
{
    char body[ANSWER_MAX - 256];
    const bool known = strncmp(request, "GET /api/system/info ", 21) == 0;
    const size_t len = known ? fill(body, sizeof body, axeos_info, device) : 0;
    const int all = snprintf(answer, ANSWER_MAX,
                             "HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: "
                             "%zu\r\n\r\n%.*s",
                             known ? "200 OK" : "404 Not Found", len, (int)len, body);
    return (size_t)all;
}

static size_t answer_cgminer(const char *request, size_t device, char *answer)
{
    const size_t len = strcspn(request, "|\n");
    for (size_t i = 0; i < sizeof avalon_answers / sizeof avalon_answers[0]; i++) {
        if (strlen(avalon_answers[i].command) == len &&
            strncmp(request, avalon_answers[i].command, len) == 0) {
            return fill(answer, ANSWER_MAX, avalon_answers[i].answer, device) + 1;
        }
    }
    memcpy(answer, no_command, sizeof no_command);
    return sizeof no_command;
}

/* --- the child ----------------------------------------------------------------------------------
 */

struct device {
    uv_tcp_t listener;
    size_t number;
    bool http;
};

struct client {
    uv_tcp_t socket;
    uv_write_t write;
    const struct device *device;
    size_t len;
    char request[REQUEST_MAX], answer[ANSWER_MAX];
};

static void on_client_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void drop(struct client *client)
{
    if (!uv_is_closing((uv_handle_t *)&client->socket)) {
        uv_close((uv_handle_t *)&client->socket, on_client_closed);
    }
}

static void on_written(uv_write_t *write, int status)
{
    struct client *client = write->data;
    client->len = 0;
    if (status != 0 || !client->device->http) {
        drop(client);
    }
}

static void lend(uv_handle_t *handle, size_t wanted, uv_buf_t *buf)
{
    struct client *client = handle->data;
    (void)wanted;
    *buf = uv_buf_init(client->request + client->len,
                       (unsigned)(sizeof client->request - client->len - 1));
}

static void on_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf)
{
    struct client *client = stream->data;
    (void)buf;
    if (len < 0) {
        drop(client);
        return;
    }
    client->len += (size_t)len;
    client->request[client->len] = '\0';
    if (len == 0 || (client->device->http && strstr(client->request, "\r\n\r\n") == NULL)) {
        return;
    }
    const size_t answer =
        client->device->http
            ? answer_http(client->request, client->device->number, client->answer)
            : answer_cgminer(client->request, client->device->number, client->answer);
    uv_buf_t out = uv_buf_init(client->answer, (unsigned)answer);
    client->write.data = client;
    if (uv_write(&client->write, stream, &out, 1, on_written) != 0) {
        drop(client);
    }
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct client *client = status == 0 ? calloc(1, sizeof *client) : NULL;
    if (client == NULL) {
        return;
    }
    client->device = listener->data;
    if (uv_tcp_init(listener->loop, &client->socket) != 0) {
        free(client);
        return;
    }
    client->socket.data = client;
    if (uv_accept(listener, (uv_stream_t *)&client->socket) != 0 ||
        uv_read_start((uv_stream_t *)&client->socket, lend, on_read) != 0) {
        drop(client);
    }
}

/* On the given port, or with 0 on any, which is returned; 0 if that fails. */
static uint16_t listen_on(uv_loop_t *loop, struct device *device, uint16_t port)
{
    char address[FLEET_ADDRESS_MAX];
    struct sockaddr_in here;
    int size = sizeof here;
    fleet_address(device->number, address);
    device->listener.data = device;
    if (uv_ip4_addr(address, port, &here) != 0 || uv_tcp_init(loop, &device->listener) != 0 ||
        uv_tcp_bind(&device->listener, (const struct sockaddr *)&here, 0) != 0 ||
        uv_listen((uv_stream_t *)&device->listener, BACKLOG, on_connection) != 0 ||
        uv_tcp_getsockname(&device->listener, (struct sockaddr *)&here, &size) != 0) {
        return 0;
    }
    return ntohs(here.sin_port);
}

/* Never returns. Tells the port through `pipe_end` when all devices listen, 0 if one could not. */
__attribute__((noreturn)) static void serve(const struct fleet *fleet, int pipe_end)
{
    uv_loop_t loop;
    uint16_t port = 0;
    const size_t count = fleet->axeos + fleet->avalon;
    struct device *devices = calloc(count, sizeof *devices);
    if (devices == NULL || uv_loop_init(&loop) != 0) {
        _exit(1);
    }
    for (size_t i = 0; i < count; i++) {
        devices[i].number = i;
        devices[i].http = i < fleet->axeos;
        port = listen_on(&loop, &devices[i], port);
        if (port == 0) {
            _exit(1);
        }
    }
    if (write(pipe_end, &port, sizeof port) != sizeof port) {
        _exit(1);
    }
    (void)close(pipe_end);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    _exit(0);
}

/* --- the parent ---------------------------------------------------------------------------------
 */

void fleet_address(size_t device, char address[FLEET_ADDRESS_MAX])
{
    (void)snprintf(address, FLEET_ADDRESS_MAX, "127.77.%zu.%zu", device / PER_NET,
                   1 + device % PER_NET);
}

bool fleet_start(struct fleet *fleet, size_t axeos, size_t avalon, struct hb_err *err)
{
    int pipe_ends[2];
    const pid_t parent = getpid();
    *fleet = (struct fleet){.axeos = axeos, .avalon = avalon};
    if (pipe(pipe_ends) != 0) {
        return hb_fail(err, HB_ERR_SYSTEM, "no pipe");
    }
    fleet->child = fork();
    if (fleet->child == 0) {
        (void)close(pipe_ends[0]);
        /* It ends with the measurement, however that ends. */
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent) {
            _exit(1);
        }
        serve(fleet, pipe_ends[1]);
    }
    (void)close(pipe_ends[1]);
    const bool told = fleet->child > 0 &&
                      read(pipe_ends[0], &fleet->port, sizeof fleet->port) == sizeof fleet->port;
    (void)close(pipe_ends[0]);
    if (!told) {
        fleet_stop(fleet);
        return hb_fail(
            err, HB_ERR_SYSTEM,
            "the emulated devices do not listen: is the limit of open files high enough?");
    }
    return true;
}

void fleet_stop(const struct fleet *fleet)
{
    if (fleet->child > 0) {
        (void)kill(fleet->child, SIGKILL);
        (void)waitpid(fleet->child, NULL, 0);
    }
}
