#!/bin/sh
# Creates docker/.env and random passwords and keys in docker/secrets. Safe to repeat: existing files stay.
# Only the owner can enter the folder (0700). The files in it are readable (0444), so that each container's own
# unprivileged user can read those mounted into it.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
secrets=${STEMLINE_SECRETS:-$here/secrets}

random() { od -An -N "$1" -tx1 /dev/urandom | tr -d ' \n'; }
put() { # put NAME: write stdin to that file, completely or not at all
    cat > "$secrets/.$1.new"
    chmod 0444 "$secrets/.$1.new"
    mv "$secrets/.$1.new" "$secrets/$1"
}

mkdir -p "$secrets"
chmod 0700 "$secrets"
for name in postgres_password mlflow_db_password prefect_db_password; do
    [ -s "$secrets/$name" ] || random 24 | put "$name"
done

# The S3 store's users: one creates buckets; MLflow and the pipeline may use only their own bucket.
if [ ! -s "$secrets/s3.json" ]; then
    for user in admin mlflow pipeline; do
        key=$(random 10)
        secret=$(random 24)
        printf '[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n' "$key" "$secret" | put "s3_$user.ini"
        case $user in
            admin) actions='"Admin", "Read", "Write", "List", "Tagging"' ;;
            mlflow) actions='"Read:mlflow", "Write:mlflow", "List:mlflow", "Tagging:mlflow"' ;;
            pipeline) actions='"Read:stemline", "Write:stemline", "List:stemline", "Tagging:stemline"' ;;
        esac
        identities="${identities:+$identities,
}  {\"name\": \"$user\", \"credentials\": [{\"accessKey\": \"$key\", \"secretKey\": \"$secret\"}], \"actions\": [$actions]}"
    done
    printf '{"identities": [\n%s\n]}\n' "$identities" | put s3.json
fi

[ -e "$here/.env" ] || cp "$here/.env.example" "$here/.env"
echo "secrets in $secrets, settings in $here/.env"
