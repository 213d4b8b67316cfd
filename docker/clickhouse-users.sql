-- Run once by the ClickHouse image, as its administrator: Grafana reads and nothing else.
CREATE USER IF NOT EXISTS grafana IDENTIFIED BY 'grafana-reads' SETTINGS readonly = 2, max_execution_time = 60, max_memory_usage = 4000000000;
GRANT SELECT ON driftline.* TO grafana;
