"""What the same engine and rules take for a request in Debian's nginx (libnginx-mod-http-modsecurity), in microseconds: the time of a
request with the module less that without, over one connection, one after another; the requests of bench_waf.cc. Medians."""
import http.client
import json
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

MODULE = pathlib.Path("/usr/lib/nginx/modules/ngx_http_modsecurity_module.so")
ASKS = 300
PORTS = {"on": 28081, "off": 28082}
RULES = """SecRuleEngine On
SecRequestBodyAccess On
SecAuditEngine Off
SecRule REQUEST_HEADERS:Content-Type "^application/json" "id:200001,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=JSON"
Include /etc/modsecurity/crs/crs-setup.conf
Include /usr/share/modsecurity-crs/rules/*.conf
SecRuleRemoveById 901321
SecRuleRemoveById 910000-910999
SecRuleRemoveById 912000-912999
"""
FORM, JSON = "application/x-www-form-urlencoded", "application/json"
REQUESTS = {
    "get": ("GET", "/shop/shoes", None, None),
    "get_5_arguments": ("GET", "/search?q=red+shoes&page=2&sort=price&size=42&lang=de", None, None),
    "form_20_fields": ("POST", "/order", FORM, "&".join(f"field{i}=some+words+of+a+text+that+is+typed" for i in range(20))),
    "json_60_leaves": ("POST", "/order", JSON, json.dumps([{"sku": "A-17", "count": 3, "note": "a gift"}] * 20, separators=(",", ":"))),
    "sql_refused": ("GET", "/item?id=1%27%20OR%20%271%27=%271", None, None),
}


def configuration(folder):
    servers = "".join(f"server {{ listen 127.0.0.1:{port}; {'modsecurity on; modsecurity_rules_file ' + str(folder / 'rules') + ';' if name == 'on' else ''}"
                      " location / { proxy_pass http://127.0.0.1:28083; } }\n" for name, port in PORTS.items())
    return f"""load_module {MODULE};
daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log crit;
events {{ }}
http {{ access_log off; keepalive_requests 100000; client_body_temp_path {folder}; proxy_temp_path {folder};
{servers} server {{ listen 127.0.0.1:28083; location / {{ return 204; }} }} }}
"""


def median_us(port, method, target, kind, body):
    connection = http.client.HTTPConnection("127.0.0.1", port)
    headers = {"Host": "shop.example", "User-Agent": "Mozilla/5.0", "Accept": "*/*", **({"Content-Type": kind} if kind else {})}
    took = []
    for _ in range(ASKS):
        began = time.perf_counter()
        connection.request(method, target, body, headers)
        connection.getresponse().read()
        took.append((time.perf_counter() - began) * 1e6)
    return statistics.median(took)


def main():
    if not MODULE.exists() or not shutil.which("nginx"):
        sys.exit("no nginx with libnginx-mod-http-modsecurity here")
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "rules").write_text(RULES)
        (folder / "conf").write_text(configuration(folder))
        nginx = subprocess.Popen(["nginx", "-e", folder / "error.log", "-c", folder / "conf"])
        try:
            for _ in range(100):
                if (folder / "pid").exists():
                    break
                time.sleep(0.1)
            for request, words in REQUESTS.items():
                value = median_us(PORTS["on"], *words) - median_us(PORTS["off"], *words)
                print(json.dumps({"name": f"policy.waf.nginx.{request}", "value": round(value, 1), "unit": "us"}))
        finally:
            nginx.terminate()
            nginx.wait()


main()
