-- Runs once, on an empty data folder: a database and a user each for MLflow and Prefect; neither can enter the other's.
\set ON_ERROR_STOP on
\set mlflow_password `cat "${MLFLOW_DB_PASSWORD_FILE:-/run/secrets/mlflow_db_password}"`
\set prefect_password `cat "${PREFECT_DB_PASSWORD_FILE:-/run/secrets/prefect_db_password}"`

CREATE ROLE mlflow LOGIN PASSWORD :'mlflow_password';
CREATE ROLE prefect LOGIN PASSWORD :'prefect_password';
CREATE DATABASE mlflow OWNER mlflow;
CREATE DATABASE prefect OWNER prefect;
REVOKE ALL ON DATABASE mlflow, prefect, postgres FROM PUBLIC;
